#include "supervisor/program_path.h"

#include <errno.h>

#include "gtest/gtest.h"

namespace nestrace {
namespace {

using Paths = std::vector<std::string>;

TEST(ProgramPath, OneForEachDirectoryOfPath) {
  EXPECT_EQ(CandidatePaths("make", "/usr/bin:/bin"), (Paths{"/usr/bin/make", "/bin/make"}));
}

TEST(ProgramPath, SlashMeansNoSearch) {
  EXPECT_EQ(CandidatePaths("./make", "/usr/bin"), Paths{"./make"});
  EXPECT_EQ(CandidatePaths("a/b", nullptr), Paths{"a/b"});
}

TEST(ProgramPath, EmptyDirectoryIsTheCurrentOne) {
  EXPECT_EQ(CandidatePaths("x", ":/bin:"), (Paths{"x", "/bin/x", "x"}));
  EXPECT_EQ(CandidatePaths("x", ""), Paths{"x"});
}

TEST(ProgramPath, DefaultWithoutPath) {
  EXPECT_EQ(CandidatePaths("x", nullptr), (Paths{"/bin/x", "/usr/bin/x"}));
}

TEST(ProgramPath, NothingForAnEmptyCommand) { EXPECT_TRUE(CandidatePaths("", "/bin").empty()); }

TEST(ProgramPath, SearchEndsAtOtherErrors) {
  EXPECT_TRUE(TriesNextCandidate(ENOENT));
  EXPECT_TRUE(TriesNextCandidate(EACCES));
  EXPECT_FALSE(TriesNextCandidate(E2BIG));
  EXPECT_FALSE(TriesNextCandidate(ENOEXEC));
}

}  // namespace
}  // namespace nestrace
