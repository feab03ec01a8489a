// What a compiler's command line compiles, as entries of a compile_commands.json: Clang's "JSON Compilation
// Database Format Specification".
//
//   for (const Compilation& entry : CompilationsOf({"cc", "-O2", "-o", "tool", "main.c", "lib.c"})) ...
//   // main.c: cc -c -O2 -o tool main.c
//   // lib.c:  cc -c -O2 -o tool lib.c
//
// Compilers are gcc, clang and cc, for C and C++, with a target before the name and a version behind it
// (aarch64-linux-gnu-g++-12), also behind ccache, distcc, icecc and sccache. Response files (@FILE) are left
// as they are: sources that only they name are not found.

#ifndef NESTRACE_EXAMPLES_BUILD_TRACER_COMPILATION_H_
#define NESTRACE_EXAMPLES_BUILD_TRACER_COMPILATION_H_

#include <string>
#include <vector>

namespace build_tracer {

struct Compilation {
  std::string file;
  std::string output;  // empty: none, or a name of the compiler's own
  // The command that compiles this file and no other, and does not link.
  std::vector<std::string> arguments;
};

// One for each source file, as named in `argv`. Empty if `argv` is no compiler, or compiles nothing: it only
// links, preprocesses, lists dependencies, or is clang's second stage (-cc1).
std::vector<Compilation> CompilationsOf(const std::vector<std::string>& argv);

}  // namespace build_tracer

#endif  // NESTRACE_EXAMPLES_BUILD_TRACER_COMPILATION_H_
