#include "supervisor/options.h"

#include "gtest/gtest.h"

namespace nestrace {
namespace {

using Words = std::vector<std::string>;

absl::StatusOr<CommandLine> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "nestrace");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

TEST(Options, EndAtTheFirstWordThatIsNone) {
  const absl::StatusOr<CommandLine> line = Parse({"--nesting=off", "gdb", "--nesting=on", "--help"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_FALSE(line->nesting);
  EXPECT_EQ(line->argv, (Words{"gdb", "--nesting=on", "--help"}));
}

TEST(Options, EndAtTwoDashes) {
  const absl::StatusOr<CommandLine> line = Parse({"--", "--help", "--"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->nesting);
  EXPECT_EQ(line->argv, (Words{"--help", "--"}));
}

TEST(Options, SingleDashIsAProgram) { EXPECT_EQ(Parse({"-"})->argv, Words{"-"}); }

TEST(Options, OrdinaryRunsWaitForDaemons) {
  EXPECT_FALSE(Parse({"x", "--leave-nothing"})->leave_nothing);
  EXPECT_TRUE(Parse({"--leave-nothing", "x"})->leave_nothing);
}

TEST(Options, LogAndVerbose) {
  const absl::StatusOr<CommandLine> line = Parse({"--log=/tmp/a=b", "-v", "true", "-v"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->log, "/tmp/a=b");
  EXPECT_TRUE(line->verbose);
  EXPECT_EQ(line->argv, (Words{"true", "-v"}));
  EXPECT_TRUE(Parse({"--verbose", "true"})->verbose);
  EXPECT_FALSE(Parse({"true"})->verbose);
}

TEST(Options, TheTestThatBazelRunsLeavesNothing) {
  const auto leaves_nothing = [](const std::vector<const char*>& words, const char* test) {
    return ParseCommandLine(static_cast<int>(words.size()), words.data(), test)->leave_nothing;
  };
  EXPECT_TRUE(leaves_nothing({"nestrace", "a/b_test", "x"}, "a/b_test"));
  EXPECT_TRUE(leaves_nothing({"nestrace", "strace", "-f", "a/b_test"}, "a/b_test"));
  EXPECT_FALSE(leaves_nothing({"nestrace", "b_test", "x"}, "a/b_test")) << "a test that runs nestrace";
  EXPECT_FALSE(leaves_nothing({"nestrace", "a/b_test"}, nullptr));
}

TEST(Options, HelpAndVersionNeedNoProgram) {
  EXPECT_EQ(Parse({"--help"})->action, CommandLine::Action::kHelp);
  EXPECT_EQ(Parse({"--version", "x"})->action, CommandLine::Action::kVersion);
}

TEST(Options, MistakesAreNamed) {
  EXPECT_EQ(Parse({}).status().message(), "no program to run; see nestrace --help");
  EXPECT_EQ(Parse({"--"}).status().message(), "no program to run; see nestrace --help");
  EXPECT_EQ(Parse({"-f", "x"}).status().message(), "unknown option -f; see nestrace --help");
  EXPECT_EQ(Parse({"--nesting", "on", "x"}).status().message(),
            "option --nesting needs a value: --nesting=on|off");
  EXPECT_EQ(Parse({"--nesting=1", "x"}).status().message(), "option --nesting takes on|off, not \"1\"");
  EXPECT_EQ(Parse({"--log=", "x"}).status().message(), "option --log takes FILE, not \"\"");
  EXPECT_EQ(Parse({"--log"}).status().message(), "option --log needs a value: --log=FILE");
  EXPECT_EQ(Parse({"-v=1", "x"}).status().message(), "option --verbose takes no value");
  EXPECT_EQ(Parse({"--help=x"}).status().message(), "option --help takes no value");
}

}  // namespace
}  // namespace nestrace
