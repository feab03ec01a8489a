#include "examples/build_tracer/compilation.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace build_tracer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

// Each entry as "FILE > OUTPUT: COMMAND".
std::vector<std::string> Entries(const std::string& command) {
  std::vector<std::string> entries;
  for (const Compilation& entry : CompilationsOf(Words(command))) {
    std::string text = entry.file + " > " + entry.output + ":";
    for (const std::string& word : entry.arguments) text += " " + word;
    entries.push_back(text);
  }
  return entries;
}

TEST(Compilation, OfOneFileIsTheCommandAsItIs) {
  EXPECT_THAT(Entries("cc -g -Iinclude -c -o out/a.o src/a.c"),
              ElementsAre("src/a.c > out/a.o: cc -g -Iinclude -c -o out/a.o src/a.c"));
}

TEST(Compilation, OutputHasADefault) {
  EXPECT_THAT(Entries("cc -c src/a.b.c"), ElementsAre("src/a.b.c > a.b.o: cc -c src/a.b.c"));
  EXPECT_THAT(Entries("cc -S a.c"), ElementsAre("a.c > a.s: cc -S a.c"));
  EXPECT_THAT(Entries("cc -fsyntax-only a.c"), ElementsAre("a.c > : cc -fsyntax-only a.c"));
  EXPECT_THAT(Entries("cc -c a.c -oout.o"), ElementsAre("a.c > out.o: cc -c a.c -oout.o"));
}

TEST(Compilation, OfSeveralFilesIsOneForEach) {
  EXPECT_THAT(Entries("g++ -c a.cc b.cpp"),
              ElementsAre("a.cc > a.o: g++ -c a.cc", "b.cpp > b.o: g++ -c b.cpp"));
}

TEST(Compilation, ThatLinksAtOnceIsSplit) {
  EXPECT_THAT(Entries("cc -o tool main.c lib.c old.o -lm"),
              ElementsAre("main.c > tool: cc -c -o tool main.c old.o -lm",
                          "lib.c > tool: cc -c -o tool lib.c old.o -lm"));
}

TEST(Compilation, KnowsCompilersByTheirNames) {
  for (const char* compiler : {"cc", "c++", "gcc", "/usr/bin/g++", "clang", "clang++-14", "gcc-12.2",
                               "aarch64-linux-gnu-gcc-12", "x86_64-w64-mingw32-g++"}) {
    EXPECT_EQ(Entries(std::string(compiler) + " -c a.c").size(), 1u) << compiler;
  }
  for (const char* other : {"/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "as", "ld", "collect2", "gcc-ar",
                            "strace", "traced_cc", "clang-format", "cpp"}) {
    EXPECT_THAT(Entries(std::string(other) + " -c a.c"), IsEmpty()) << other;
  }
}

TEST(Compilation, BehindWrappersIsTheirs) {
  EXPECT_THAT(Entries("/usr/bin/ccache distcc gcc -c a.c"), ElementsAre("a.c > a.o: gcc -c a.c"));
  EXPECT_THAT(Entries("ccache -s"), IsEmpty());
  EXPECT_THAT(Entries("ccache"), IsEmpty());
}

TEST(Compilation, DoesNotTakeTheValueOfAnOptionForASource) {
  EXPECT_THAT(Entries("cc -include a.c -D b.c -MF c.c -o d.c -Xlinker e.c f.o"), IsEmpty());
}

TEST(Compilation, LanguageMakesAnythingASource) {
  EXPECT_THAT(Entries("cc -c -x c a.h"), ElementsAre("a.h > a.o: cc -c -x c a.h"));
  EXPECT_THAT(Entries("cc -c -xc++ a -x none b.o"), ElementsAre("a > a.o: cc -c -xc++ a -x none b.o"));
}

TEST(Compilation, IsNotEveryUseOfACompiler) {
  for (const char* use :
       {"cc -E a.c", "cc -M a.c", "cc -MM a.c", "cc -### -c a.c", "cc -o tool a.o b.o", "cc -v",
        "cc --version", "cc -c -x c -", "clang -cc1 -emit-obj a.c", "cc @words", "cc"}) {
    EXPECT_THAT(Entries(use), IsEmpty()) << use;
  }
  EXPECT_EQ(Entries("cc -MD -MP -c a.c").size(), 1u);
  EXPECT_THAT(CompilationsOf({}), IsEmpty());
}

TEST(Compilation, FilesAfterTwoDashesMayLookLikeOptions) {
  EXPECT_THAT(Entries("clang -c -- -a.c"), ElementsAre("-a.c > -a.o: clang -c -- -a.c"));
}

}  // namespace
}  // namespace build_tracer
