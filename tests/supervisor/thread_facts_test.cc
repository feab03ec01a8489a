#include "supervisor/thread_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/proc_fs.h"
#include "supervisor/unique_fd.h"
#include "tests/supervisor/guest_process.h"

namespace nestrace {
namespace {

class Facts : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<ProcFs> proc = ProcFs::Open();
    ASSERT_TRUE(proc.ok()) << proc.status();
    proc_ = std::make_unique<ProcFs>(*std::move(proc));
  }

  std::unique_ptr<ProcFs> proc_;
};

pid_t CallingThread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

TEST_F(Facts, OfThisProcess) {
  ThreadFacts facts;
  ASSERT_TRUE(ReadThreadFacts(*proc_, Tid{getpid()}, &facts));
  EXPECT_EQ(facts.tgid, getpid());
  EXPECT_EQ(facts.parent_tgid, getppid());
  ASSERT_EQ(facts.pids.size(), 1u);
  EXPECT_EQ(facts.pids[0].pid_namespace, 0u);
  EXPECT_EQ(facts.pids[0].pid, getpid());
  EXPECT_EQ(facts.uid, getuid());
}

TEST_F(Facts, TimesOfAThreadAndOfItsProcess) {
  constexpr long kSome = 10;  // ticks, of 10 ms each
  long user = 0, system = 0;
  std::thread([&] {
    struct timespec used;
    do {
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    } while (used.tv_sec == 0 && used.tv_nsec < 200'000'000);
    ASSERT_TRUE(ReadTimesOf(*proc_, Tid{getpid()}, Tid{CallingThread()}, &user, &system));
    EXPECT_GE(user + system, kSome);
  }).join();
  ASSERT_TRUE(ReadTimesOf(*proc_, Tid{getpid()}, Tid{0}, &user, &system));
  EXPECT_GE(user + system, kSome);
  ASSERT_TRUE(ReadTimesOf(*proc_, Tid{getpid()}, Tid{getpid()}, &user, &system));
  EXPECT_LT(user + system, kSome);
  EXPECT_FALSE(ReadTimesOf(*proc_, Tid{getpid()}, Tid{1 << 30}, &user, &system));
}

TEST_F(Facts, ThreadByItsNumber) {
  std::thread([this] {
    EXPECT_EQ(FindFromNamespace(*proc_, Tid{getpid()}, CallingThread()), Tid{CallingThread()});
  }).join();
  EXPECT_EQ(FindFromNamespace(*proc_, Tid{CallingThread()}, getppid()), Tid{getppid()});
  EXPECT_EQ(FindFromNamespace(*proc_, Tid{getpid()}, 1 << 30), Tid{0});
}

TEST_F(Facts, OfAThreadThatIsNoLeader) {
  std::thread([this] {
    ThreadFacts facts;
    ASSERT_TRUE(ReadThreadFacts(*proc_, Tid{CallingThread()}, &facts));
    EXPECT_EQ(facts.tgid, getpid());
    EXPECT_EQ(facts.pids[0].pid, CallingThread());
  }).join();
}

TEST_F(Facts, OfADeadThreadAreNone) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  ThreadFacts facts;
  EXPECT_FALSE(ReadThreadFacts(*proc_, Tid{pid}, &facts));
  EXPECT_EQ(ReadBlockedIn(*proc_, Tid{pid}), -1);
}

TEST_F(Facts, OfAZombieAreThere) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  ThreadFacts facts;
  EXPECT_TRUE(ReadThreadFacts(*proc_, Tid{pid}, &facts));
  EXPECT_EQ(facts.tgid, pid);
  waitpid(pid, nullptr, 0);
}

// The process that runs this test has become init of a pid namespace, or of none if that is not permitted.
template <typename Function>
int InPidNamespace(Function function) {
  const pid_t outer = fork();
  if (outer == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) _exit(77);
    const pid_t init = fork();
    if (init == 0) _exit(function());
    int status = 0;
    waitpid(init, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  }
  int status = 0;
  waitpid(outer, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

TEST_F(Facts, OfAThreadInANewPidNamespaceNameIt) {
  ThreadFacts facts;
  struct stat inner = {};
  // The namespace's init looks at itself through our /proc; its number here is found there too.
  auto* shared = static_cast<pid_t*>(
      mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  int hold[2];
  ASSERT_EQ(pipe2(hold, O_CLOEXEC), 0);
  const pid_t outer = fork();
  if (outer == 0) {
    close(hold[1]);
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) _exit(77);
    const pid_t init = fork();
    if (init == 0) {
      char byte;
      _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    __atomic_store_n(shared, init, __ATOMIC_SEQ_CST);
    waitpid(init, nullptr, 0);
    _exit(0);
  }
  close(hold[0]);
  siginfo_t info = {};
  ASSERT_TRUE(Eventually([&] {
    return __atomic_load_n(shared, __ATOMIC_SEQ_CST) != 0 ||
           (waitid(P_PID, outer, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0);
  }));
  const pid_t init = *shared;
  if (init == 0) {
    waitpid(outer, nullptr, 0);
    GTEST_SKIP() << "no user namespaces here";
  }
  ASSERT_TRUE(ReadThreadFacts(*proc_, Tid{init}, &facts));
  ASSERT_EQ(facts.pids.size(), 2u);
  EXPECT_EQ(facts.pids[0].pid, init);
  EXPECT_EQ(facts.pids[0].pid_namespace, 0u);
  EXPECT_EQ(facts.pids[1].pid, 1);
  const UniqueFd file = proc_->OpenFile(proc_->IdOf(Tid{init}), "ns/pid", O_RDONLY);
  ASSERT_EQ(fstat(file.get(), &inner), 0);
  EXPECT_EQ(facts.pids[1].pid_namespace, inner.st_ino);
  EXPECT_EQ(facts.parent_tgid, outer);
  close(hold[1]);
  waitpid(outer, nullptr, 0);
}

// /proc still shows the outer pid namespace, in which the supervisor and its guests have other numbers.
TEST_F(Facts, AreInTheOwnNumberingUnderAForeignProc) {
  const int result = InPidNamespace([] {
    prctl(PR_SET_DUMPABLE, 0);  // as the supervisor is
    absl::StatusOr<ProcFs> proc = ProcFs::Open();
    if (!proc.ok()) return 1;
    if (proc->outer_levels() == 0) return 2;
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_DUMPABLE, 1);
      pause();
    }
    ThreadFacts facts;
    if (!ReadThreadFacts(*proc, Tid{child}, &facts)) return 3;
    if (facts.tgid != child || facts.parent_tgid != 1) return 4;
    if (facts.pids.size() != 1 || facts.pids[0].pid != child) return 5;
    // A thread of our own, and init, whose parent is outside.
    int thread_result = 0;
    std::thread([&] {
      ThreadFacts of_thread;
      if (!ReadThreadFacts(*proc, Tid{CallingThread()}, &of_thread)) thread_result = 6;
      if (of_thread.tgid != 1 || of_thread.pids[0].pid != CallingThread()) thread_result = 7;
    }).join();
    if (thread_result != 0) return thread_result;
    if (!ReadThreadFacts(*proc, Tid{1}, &facts)) return 8;
    if (facts.parent_tgid != 0) return 9;
    // A pidfd of the child, held by ourselves.
    const UniqueFd pidfd = OpenPidfd(Tid{child});
    bool nonblocking = true;
    if (ReadPidfdTarget(*proc, Tid{1}, pidfd.get(), &nonblocking) != child || nonblocking) return 10;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (ReadThreadFacts(*proc, Tid{child}, &facts)) return 11;
    return 0;
  });
  if (result == 77) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(result, 0);
}

TEST_F(Facts, PidfdNamesItsProcess) {
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  bool nonblocking = true;
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, pidfd.get(), &nonblocking), pid);
  EXPECT_FALSE(nonblocking);
  const UniqueFd polled(static_cast<int>(syscall(SYS_pidfd_open, pid, O_NONBLOCK)));
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, polled.get(), &nonblocking), pid);
  EXPECT_TRUE(nonblocking);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, pidfd.get(), &nonblocking), -ESRCH);
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, STDIN_FILENO, &nonblocking), -EBADF);
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, 12345, &nonblocking), -EBADF);
  EXPECT_EQ(ReadPidfdTarget(*proc_, Tid{getpid()}, -1, &nonblocking), -EBADF);
}

TEST_F(Facts, MemoryOpenForWritingIsSeen) {
  GuestProcess guest([] { pause(); });
  ASSERT_TRUE(guest.Start());
  const Tid self{getpid()};
  const std::vector<NamespacedPid> pids = {{0, guest.tid().value}};
  const std::string path = absl::StrCat("/proc/", guest.tid().value);
  const auto open_with = [](const std::string& name, int flags) {
    return UniqueFd(open(name.c_str(), flags));
  };
  EXPECT_FALSE(HasProcMemOpen(*proc_, self, pids));
  {
    const UniqueFd read_only = open_with(path + "/mem", O_RDONLY);
    ASSERT_TRUE(read_only.ok()) << strerror(errno);
    EXPECT_FALSE(HasProcMemOpen(*proc_, self, pids));
  }
  for (const std::string& name : {path + "/mem", absl::StrCat(path, "/task/", guest.tid().value, "/mem")}) {
    const UniqueFd writable = open_with(name, O_RDWR);
    ASSERT_TRUE(writable.ok()) << strerror(errno);
    EXPECT_TRUE(HasProcMemOpen(*proc_, self, pids)) << name;
    EXPECT_FALSE(HasProcMemOpen(*proc_, self, {{0, 1}}));
  }
  const UniqueFd other = open_with(path + "/comm", O_RDWR);
  EXPECT_FALSE(HasProcMemOpen(*proc_, self, pids)) << "another file of the process";
}

TEST_F(Facts, BlockedInNamesTheSystemCall) {
  GuestProcess guest([] {
    for (;;) pause();
  });
  ASSERT_TRUE(guest.Start());
  EXPECT_TRUE(Eventually([&] { return ReadBlockedIn(*proc_, guest.tid()) == SYS_pause; }));
}

}  // namespace
}  // namespace nestrace
