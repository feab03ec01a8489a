#include "supervisor/guest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "supervisor/guest_identity.h"
#include "tests/supervisor/guest_process.h"

namespace nestrace {
namespace {

using Found = GuestFiles::Found;

// A directory with secret/word, public/word, and links; and a guest whose working directory it is.
class GuestFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* directory = getenv("TEST_TMPDIR");
    top_ = std::string(directory != nullptr ? directory : "/tmp") + "/files.XXXXXX";
    ASSERT_NE(mkdtemp(top_.data()), nullptr);
    for (const char* name : {"/secret", "/secret/below", "/public"}) Make(name);
    for (const char* name : {"/secret/word", "/secret/below/word", "/public/word"}) {
      ASSERT_GE(UniqueFd(creat((top_ + name).c_str(), 0600)).get(), 0);
    }
    ASSERT_EQ(symlink("../secret", (top_ + "/public/link").c_str()), 0);
    ASSERT_EQ(symlink("loop", (top_ + "/loop").c_str()), 0);
    absl::StatusOr<GuestFiles> files = GuestFiles::Open();
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = std::make_unique<GuestFiles>(*std::move(files));
    StartGuest([] {});
  }

  // A guest that does `first` in the directory and stays.
  void StartGuest(const std::function<void()>& first) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    guest_ = std::make_unique<GuestProcess>([this, first, fd = ends[1]] {
      if (chdir(top_.c_str()) < 0 || open("public", O_RDONLY) < 0) _exit(1);
      first();
      if (write(fd, "", 1) == 1) pause();
    });
    close(ends[1]);
    const UniqueFd ready(ends[0]);
    ASSERT_TRUE(guest_->Start());
    char byte;
    ASSERT_EQ(read(ready.get(), &byte, 1), 1);
  }

  void Make(const char* name) { ASSERT_EQ(mkdir((top_ + name).c_str(), 0700), 0); }
  void Hide() {
    const absl::Status status = files_->Hide(top_ + "/secret");
    ASSERT_TRUE(status.ok()) << status;
  }
  long Find(const std::string& path, const GuestFiles::FindOptions& options = {}) {
    found_ = Found();
    return files_->Find(guest_->tid(), AT_FDCWD, path, options, &found_);
  }
  bool IsHidden(const std::string& path) { return Find(path) == -ENOENT && found_.hidden; }

  std::string top_;
  std::unique_ptr<GuestFiles> files_;
  std::unique_ptr<GuestProcess> guest_;
  Found found_;
};

TEST_F(GuestFilesTest, FindsFromTheGuestsDirectory) {
  ASSERT_EQ(Find("public/word"), 0);
  struct stat status;
  ASSERT_EQ(stat((top_ + "/public/word").c_str(), &status), 0);
  EXPECT_EQ(found_.status.st_ino, status.st_ino);
  EXPECT_EQ(found_.name, "word");
  EXPECT_EQ(Find("public/none"), 0);
  EXPECT_FALSE(found_.object.ok());
  EXPECT_EQ(found_.name, "none");
  EXPECT_EQ(Find("none/word"), -ENOENT);
  EXPECT_EQ(Find("public/word/"), -ENOTDIR);
  EXPECT_EQ(Find("loop"), -ELOOP);
  EXPECT_EQ(Find(""), -ENOENT);
  EXPECT_EQ(Find("public/link/word"), 0);
  GuestFiles::FindOptions options;
  options.no_symlinks = true;
  EXPECT_EQ(Find("public/link/word", options), -ELOOP);
}

TEST_F(GuestFilesTest, FindsFromDescriptors) {
  found_ = Found();
  // The first descriptor that the guest opened is public.
  int fd = 3;
  while (files_->Find(guest_->tid(), fd, "word", {}, &found_) != 0 && fd < 32) ++fd;
  EXPECT_LT(fd, 32);
  EXPECT_EQ(files_->Find(guest_->tid(), 999, "word", {}, &found_), -EBADF);
}

TEST_F(GuestFilesTest, WhatIsHiddenIsOnNoRoad) {
  Hide();
  for (const char* path :
       {"secret", "secret/word", "secret/none", "secret/below/word", "public/../secret", "public/link",
        "public/link/below/..", "./secret/../secret/word", "/proc/self/cwd/secret/word"}) {
    EXPECT_TRUE(IsHidden(path)) << path;
  }
  EXPECT_TRUE(IsHidden("/proc/self/root" + top_ + "/secret/word"));
  EXPECT_EQ(Find("public/word"), 0);
  GuestFiles::FindOptions options;
  options.follow = false;
  EXPECT_EQ(Find("public/link", options), 0) << "the link itself is not hidden";
}

TEST_F(GuestFilesTest, NoWalkBeginsBelowIt) {
  Hide();
  StartGuest([this] {
    if (chdir((top_ + "/secret/below").c_str()) < 0) _exit(1);
  });
  EXPECT_TRUE(IsHidden("word"));
  EXPECT_TRUE(IsHidden("../../public/word"));
  EXPECT_EQ(Find(top_ + "/public/word"), 0);
}

TEST_F(GuestFilesTest, RenamingWhatIsAboveChangesNothing) {
  Hide();
  const std::string moved = top_ + ".moved";
  const UniqueFd word(open((top_ + "/secret/word").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(rename(top_.c_str(), moved.c_str()), 0);
  EXPECT_TRUE(IsHidden("secret/word"));
  EXPECT_TRUE(IsHidden(moved + "/secret/word"));
  EXPECT_TRUE(files_->Hides(word.get()));
  ASSERT_EQ(rename(moved.c_str(), top_.c_str()), 0);
}

TEST_F(GuestFilesTest, HidesIsToldOfOpenFiles) {
  Hide();
  const auto hides = [this](const std::string& name) {
    const UniqueFd fd(open((top_ + name).c_str(), O_RDONLY | O_CLOEXEC));
    return files_->Hides(fd.get());
  };
  EXPECT_TRUE(hides("/secret"));
  EXPECT_TRUE(hides("/secret/below"));
  EXPECT_TRUE(hides("/secret/below/word"));
  EXPECT_FALSE(hides("/public/word"));
  EXPECT_FALSE(hides("/public"));
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  EXPECT_FALSE(files_->Hides(ends[0]));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(GuestFilesTest, FilesThatAreGoneWithTheirDirectoriesAreHiddenStill) {
  Hide();
  Make("/public/below");
  const UniqueFd below(open((top_ + "/secret/below/word").c_str(), O_PATH | O_CLOEXEC));
  const UniqueFd other(creat((top_ + "/public/below/word").c_str(), 0600));
  for (const char* name : {"/secret/below", "/public/below"}) {
    ASSERT_EQ(unlink((top_ + name + "/word").c_str()), 0);
    ASSERT_EQ(rmdir((top_ + name).c_str()), 0);
  }
  EXPECT_TRUE(files_->Hides(below.get()));
  EXPECT_FALSE(files_->Hides(other.get()));
}

// By a descriptor of the file, too, that a guest has got by O_PATH before the program was executed.
TEST_F(GuestFilesTest, MemoryOfAHiddenProgramIsNobodys) {
  const std::string program = top_ + "/secret/program";
  ASSERT_EQ(system(("cp /bin/sleep " + program).c_str()), 0);
  Hide();
  GuestProcess other([&program] { execl(program.c_str(), "sleep", "1000", nullptr); });
  const std::string path = "/proc/" + std::to_string(other.tid().value) + "/mem";
  const UniqueFd memory(open(path.c_str(), O_PATH | O_CLOEXEC));
  EXPECT_EQ(files_->CheckMemory(guest_->tid(), memory.get()), 0);
  ASSERT_TRUE(other.Start(PTRACE_O_TRACEEXEC));
  int status = 0;
  ASSERT_EQ(waitpid(other.tid().value, &status, __WALL), other.tid().value);
  ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_EXEC << 8);
  EXPECT_EQ(files_->CheckMemory(guest_->tid(), memory.get()), -ENOENT);
  EXPECT_TRUE(IsHidden(path));
}

TEST_F(GuestFilesTest, PartsMountedElsewhereAreHiddenToo) {
  const std::string elsewhere = top_ + "/public/mounted";
  ASSERT_EQ(mkdir(elsewhere.c_str(), 0700), 0);
  if (mount((top_ + "/secret/below").c_str(), elsewhere.c_str(), nullptr, MS_BIND, nullptr) < 0) {
    GTEST_SKIP() << "no mounts here";
  }
  Hide();
  EXPECT_TRUE(IsHidden("public/mounted/word"));
  umount2(elsewhere.c_str(), MNT_DETACH);
}

TEST_F(GuestFilesTest, ProcIsTheGuests) {
  ASSERT_EQ(Find("/proc/self/status"), 0);
  const UniqueFd status(open(found_.Path().c_str(), O_RDONLY | O_CLOEXEC));
  char bytes[4096] = "";
  ASSERT_GT(read(status.get(), bytes, sizeof(bytes) - 1), 0);
  EXPECT_NE(std::string(bytes).find("TracerPid:\t" + std::to_string(getpid())), std::string::npos);
  GuestFiles::FindOptions options;
  options.follow = false;
  ASSERT_EQ(Find("/proc/self", options), 0);
  EXPECT_EQ(found_.link_text, std::to_string(guest_->tid().value));
  EXPECT_EQ(Find("/proc/self/task/self"), 0);
  EXPECT_FALSE(found_.object.ok());
}

TEST_F(GuestFilesTest, ProcessesThatAreNoGuestsAreNotThere) {
  const std::string own = "/proc/" + std::to_string(getpid());
  for (const char* name : {"", "/mem", "/status", "/fd", "/cwd", "/root"})
    EXPECT_TRUE(IsHidden(own + name)) << name;
  EXPECT_TRUE(IsHidden("/proc/1/status") || getpid() == 1);
  EXPECT_EQ(Find("/proc/" + std::to_string(guest_->tid().value) + "/mem"), 0);
  EXPECT_TRUE(files_->IsGuest(guest_->tid()));
  EXPECT_FALSE(files_->IsGuest(Tid{getpid()}));
}

TEST_F(GuestFilesTest, TheRootAndWhatIsNotThereCantBeHidden) {
  EXPECT_FALSE(files_->Hide("/").ok());
  EXPECT_EQ(files_->Hide("/no/such/file").code(), absl::StatusCode::kNotFound);
}

// --- guest_identity.h

TEST_F(GuestFilesTest, ActAsTakesTheGuestsUmask) {
  StartGuest([] { umask(0157); });
  {
    const ActAs act(files_->proc(), files_->own(), guest_->tid());
    ASSERT_EQ(act.error(), 0);
    EXPECT_EQ(umask(0157), 0157u);
  }
  const mode_t own = umask(0);
  umask(own);
  EXPECT_EQ(own, files_->own().identity.umask);
}

TEST_F(GuestFilesTest, ActAsHasTheGuestsRightsOnly) {
  const auto become_another = [] { return setgid(12345) == 0 && setuid(12345) == 0; };
  const pid_t probe = fork();
  if (probe == 0) _exit(become_another() ? 0 : 1);
  int able = 0;
  ASSERT_EQ(waitpid(probe, &able, 0), probe);
  if (able != 0) GTEST_SKIP() << "this user can't become another one";
  ASSERT_EQ(chmod(top_.c_str(), 0755), 0);
  StartGuest([become_another] {
    if (!become_another()) _exit(1);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  });
  const std::string path = top_ + "/public/word";  // 0600 in 0700, root's
  {
    const ActAs act(files_->proc(), files_->own(), guest_->tid());
    ASSERT_EQ(act.error(), 0);
    EXPECT_LT(open(path.c_str(), O_RDONLY | O_CLOEXEC), 0);
    EXPECT_EQ(errno, EACCES);
    EXPECT_EQ(Find(path), -EACCES);
  }
  EXPECT_GE(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)).get(), 0);
  EXPECT_EQ(Find(path), 0) << "as the supervisor";
}

TEST_F(GuestFilesTest, ActAsOfADeadGuestIsEsrch) {
  EXPECT_EQ(ActAs(files_->proc(), files_->own(), Tid{4194303}).error(), -ESRCH);
}

}  // namespace
}  // namespace nestrace
