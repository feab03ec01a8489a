#include "examples/build_tracer/compilation.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <string_view>

namespace build_tracer {
namespace {

using std::string_view;

constexpr string_view kWrappers[] = {"ccache", "distcc", "icecc", "sccache"};

constexpr string_view kSourceExtensions[] = {".c",  ".cc", ".cp", ".cxx", ".cpp", ".c++", ".C", ".CPP", ".i",
                                             ".ii", ".m",  ".mm", ".M",   ".mi",  ".mii", ".S", ".sx"};

// Options whose value is the next word. (Those that take it in the same word too, as -Ifoo, need no entry for
// that.)
constexpr string_view kOptionsWithValue[] = {
    "-A",
    "-B",
    "-D",
    "-F",
    "-I",
    "-L",
    "-MF",
    "-MJ",
    "-MQ",
    "-MT",
    "-T",
    "-U",
    "-Xassembler",
    "-Xclang",
    "-Xlinker",
    "-Xpreprocessor",
    "-arch",
    "-aux-info",
    "-dumpbase",
    "-dumpdir",
    "-e",
    "-framework",
    "-idirafter",
    "-imacros",
    "-imultilib",
    "-include",
    "-include-pch",
    "-iprefix",
    "-iquote",
    "-isysroot",
    "-isystem",
    "-iwithprefix",
    "-iwithprefixbefore",
    "-l",
    "-mllvm",
    "-target",
    "-u",
    "-z",
    "--param",
    "--sysroot",
    "-cxx-isystem",
};

// Of these, nothing is compiled.
constexpr string_view kOtherUses[] = {"-E", "-M", "-MM", "-cc1", "-cc1as", "-###"};

template <typename Table, typename Item>
bool Contains(const Table& table, const Item& item) {
  return std::find(std::begin(table), std::end(table), item) != std::end(table);
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool IsCompiler(const std::string& program) {
  static const std::regex kCompiler(R"((.+-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+)(-[0-9][0-9.]*)?)");
  return std::regex_match(NameOf(program), kCompiler);
}

// A command line on its way from word to word.
class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> words) : words_(std::move(words)) { Read(); }

  std::vector<Compilation> Compilations() const {
    std::vector<Compilation> found;
    if (other_use_) return found;
    for (size_t source : sources_)
      found.push_back({words_[source], OutputOf(words_[source]), CommandFor(source)});
    return found;
  }

 private:
  void Read() {
    bool only_files = false;
    for (size_t i = 1; i < words_.size(); ++i) {
      const std::string& word = words_[i];
      if (only_files || word.size() < 2 || word[0] != '-') {
        ReadInput(i);
      } else if (word == "--") {
        only_files = true;
      } else {
        i += ReadOption(word, i + 1 < words_.size() ? words_[i + 1] : "");
      }
    }
  }

  void ReadInput(size_t i) {
    const std::string& word = words_[i];
    if (word.empty() || word == "-" || word[0] == '@') return;  // nothing that has a name in the database
    const std::string extension = std::filesystem::path(word).extension();
    if (language_given_ || Contains(kSourceExtensions, extension)) sources_.push_back(i);
  }

  // Returns how many words more belong to the option.
  size_t ReadOption(const std::string& word, const std::string& next) {
    if (word.compare(0, 2, "-o") == 0) {
      output_ = word.size() > 2 ? word.substr(2) : next;
      return word.size() == 2;
    }
    if (word.compare(0, 2, "-x") == 0) {
      language_given_ = (word.size() > 2 ? word.substr(2) : next) != "none";
      return word.size() == 2;
    }
    if (word == "-c" || word == "-S" || word == "-fsyntax-only") mode_ = word;
    other_use_ = other_use_ || Contains(kOtherUses, word);
    return Contains(kOptionsWithValue, word);
  }

  std::string OutputOf(const std::string& source) const {
    if (!output_.empty() || (mode_ != "-c" && mode_ != "-S")) return output_;
    return std::filesystem::path(source).stem().string() + (mode_ == "-c" ? ".o" : ".s");
  }

  std::vector<std::string> CommandFor(size_t source) const {
    std::vector<std::string> command;
    for (size_t i = 0; i < words_.size(); ++i) {
      if (i == source || !Contains(sources_, i)) command.push_back(words_[i]);
    }
    if (mode_.empty()) command.insert(command.begin() + 1, "-c");
    return command;
  }

  const std::vector<std::string> words_;
  std::vector<size_t> sources_;
  std::string mode_;  // -c, -S or -fsyntax-only; empty: it links too
  std::string output_;
  bool language_given_ = false;  // by -x: any input is a source
  bool other_use_ = false;
};

}  // namespace

std::vector<Compilation> CompilationsOf(const std::vector<std::string>& argv) {
  auto compiler = argv.begin();
  while (compiler != argv.end() && Contains(kWrappers, NameOf(*compiler))) ++compiler;
  if (compiler == argv.end() || !IsCompiler(*compiler)) return {};
  return CommandLine({compiler, argv.end()}).Compilations();
}

}  // namespace build_tracer
