#include "supervisor/filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "gtest/gtest.h"
#include "supervisor/listener.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

constexpr long kX32 = 0x40000000;
constexpr int64_t kMarker = 4711;

struct Call {
  Abi abi = Abi::kX86_64;
  long nr = 0;
  uint64_t args[6] = {0};
};

long MakeI386Call(const Call& call) {
  register uint64_t sixth asm("r12") = call.args[5];
  uint64_t result = static_cast<uint64_t>(call.nr);
  asm volatile(
      "xchg %%rbp, %%r12\n"
      "int $0x80\n"
      "xchg %%rbp, %%r12\n"
      : "+a"(result)
      : "b"(call.args[0]), "c"(call.args[1]), "d"(0ul), "S"(0ul), "D"(0ul), "r"(sixth)
      : "memory", "cc", "r8", "r9", "r10", "r11");
  return static_cast<int32_t>(result);
}

long MakeCall(const Call& call) {
  if (call.abi == Abi::kI386) return MakeI386Call(call);
  const long result = syscall(call.nr, call.args[0], call.args[1], 0, 0, 0, call.args[5]);
  return result < 0 ? -errno : result;
}

// A child under the filter that makes system calls on demand.
class Filtered : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<FilterProgram> program = FilterProgram::Build(spec_);
    ASSERT_TRUE(program.ok()) << program.status();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      Serve(*program, ends[1]);
    }
    close(ends[1]);
    channel_ = UniqueFd(ends[0]);
    int number = -1;
    ASSERT_EQ(read(channel_.get(), &number, sizeof(number)), static_cast<ssize_t>(sizeof(number)));
    if (number == -EBUSY) GTEST_SKIP() << "an outer filter has a listener already";
    ASSERT_GE(number, 0) << strerror(-number);
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)));
    close(pidfd);
    ASSERT_TRUE(fd.ok()) << strerror(errno);
    absl::StatusOr<Listener> listener = Listener::Adopt(std::move(fd));
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = std::make_unique<Listener>(*std::move(listener));
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, __WALL);
  }

  // Lets the child make `call`, and answers it with kMarker if it is notified. The call's result.
  long Result(const Call& call) {
    if (write(channel_.get(), &call, sizeof(call)) != sizeof(call)) return -EPIPE;
    pollfd fds[] = {{channel_.get(), POLLIN, 0}, {listener_->fd(), POLLIN, 0}};
    if (poll(fds, 2, 10000) <= 0) return -ETIMEDOUT;
    if ((fds[1].revents & POLLIN) != 0) {
      if (!listener_->Receive(&notification_)) return -ENOENT;
      if (!listener_->Answer(notification_.id, kMarker)) return -ESRCH;
    }
    long result = -EPIPE;
    if (read(channel_.get(), &result, sizeof(result)) != sizeof(result)) return -EPIPE;
    return result;
  }
  bool IsNotified(const Call& call) { return Result(call) == kMarker; }

  FilterSpec spec_;
  pid_t pid_ = -1;
  Notification notification_;
  UniqueFd channel_;
  std::unique_ptr<Listener> listener_;

 private:
  [[noreturn]] static void Serve(const FilterProgram& program, int channel) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int listener = program.Install();
    if (write(channel, &listener, sizeof(listener)) < 0) _exit(1);
    Call call;
    while (read(channel, &call, sizeof(call)) == sizeof(call)) {
      const long result = MakeCall(call);
      if (write(channel, &result, sizeof(result)) < 0) break;
    }
    _exit(0);
  }
};

TEST_F(Filtered, EmulatedCallsAreNotified) {
  for (long nr : {SYS_ptrace, SYS_wait4, SYS_waitid, SYS_clone3}) {
    EXPECT_TRUE(IsNotified({Abi::kX86_64, nr, {1, 2}})) << nr;
    EXPECT_EQ(notification_.tid.value, pid_);
    EXPECT_EQ(notification_.nr, nr);
    EXPECT_EQ(notification_.abi, Abi::kX86_64);
    EXPECT_EQ(notification_.args[1], 2u);
  }
}

TEST_F(Filtered, SigactionIsNotifiedForSigchldAlone) {
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_rt_sigaction, {SIGCHLD, 0}}));
  EXPECT_FALSE(IsNotified({Abi::kX86_64, SYS_rt_sigaction, {SIGUSR1, 0}}));
  // The kernel takes an int.
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_rt_sigaction, {0xabcd00000000 | SIGCHLD, 0}}));
}

TEST_F(Filtered, SeccompIsNotifiedWhereItRestricts) {
  for (const uint64_t mode : {SECCOMP_MODE_STRICT, SECCOMP_MODE_FILTER})
    EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_prctl, {PR_SET_SECCOMP, mode}})) << mode;
  for (const uint64_t operation : {SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER})
    EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_seccomp, {operation, ~0ull}})) << operation;
  EXPECT_EQ(Result({Abi::kX86_64, SYS_prctl, {PR_SET_SECCOMP, 3}}), -EINVAL);
  EXPECT_EQ(Result({Abi::kX86_64, SYS_seccomp, {SECCOMP_GET_ACTION_AVAIL, 0, 0}}), -EFAULT);
}

TEST_F(Filtered, CloneIsNotifiedWithCloneUntraced) {
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_clone, {CLONE_UNTRACED | SIGCHLD, 0}}));
  // Not notified, and not possible either: CLONE_THREAD without CLONE_SIGHAND.
  EXPECT_EQ(Result({Abi::kX86_64, SYS_clone, {CLONE_THREAD, 0}}), -EINVAL);
}

TEST_F(Filtered, UserfaultfdIsNotifiedByEitherWay) {
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_userfaultfd, {~0ull}}));
  const bool has_device = access("/dev/userfaultfd", R_OK | W_OK) == 0;
  EXPECT_EQ(IsNotified({Abi::kX86_64, SYS_ioctl, {~0ull, USERFAULTFD_IOC_NEW}}), has_device);
  EXPECT_FALSE(IsNotified({Abi::kX86_64, SYS_ioctl, {~0ull, USERFAULTFD_IOC_NEW + 1}}));
}

TEST_F(Filtered, WhatMakesAFileSystemIsNotified) {
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_mount, {0, 0, 0, 0, 0}}));
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_fsopen, {0, ~0ull}}));
}

TEST_F(Filtered, OtherCallsAreAllowed) {
  EXPECT_EQ(Result({Abi::kX86_64, SYS_getpid, {}}), pid_);
  EXPECT_EQ(Result({Abi::kX86_64, 5000, {}}), -ENOSYS);
}

TEST_F(Filtered, X32IsEnosysAndKillsNobody) {
  EXPECT_EQ(Result({Abi::kX86_64, kX32 | SYS_getpid, {}}), -ENOSYS);
  EXPECT_EQ(Result({Abi::kX86_64, kX32 | 521, {}}), -ENOSYS);  // ptrace
  EXPECT_EQ(Result({Abi::kX86_64, SYS_getpid, {}}), pid_);
}

TEST_F(Filtered, I386CallsAreNotifiedToo) {
  const long pid = Result({Abi::kI386, 20, {}});
  if (pid != pid_) GTEST_SKIP() << "the kernel has no IA32 emulation";
  for (long nr : {26, 114, 7, 284, 435}) EXPECT_TRUE(IsNotified({Abi::kI386, nr, {1, 2}})) << nr;
  EXPECT_EQ(notification_.abi, Abi::kI386);
  for (long nr : {174, 67, 48}) {
    EXPECT_TRUE(IsNotified({Abi::kI386, nr, {SIGCHLD, 0}})) << nr;
    EXPECT_FALSE(IsNotified({Abi::kI386, nr, {SIGUSR1, 0}})) << nr;
  }
  EXPECT_TRUE(IsNotified({Abi::kI386, 120, {CLONE_UNTRACED, 0}}));
  EXPECT_EQ(Result({Abi::kI386, 9999, {}}), -ENOSYS);
}

class FilteredWithPass : public Filtered {
 protected:
  static constexpr uint64_t kPass = 0xfeedfacecafef00d;
  FilteredWithPass() { spec_.pass = kPass; }
};

TEST_F(FilteredWithPass, CallsThatTheKernelCarriesOutPassWithIt) {
  // Each fails, or does nothing.
  const Call calls[] = {{Abi::kX86_64, SYS_rt_sigaction, {SIGCHLD, 0}},
                        {Abi::kX86_64, SYS_seccomp, {SECCOMP_SET_MODE_FILTER, ~0ull}},
                        {Abi::kX86_64, SYS_prctl, {PR_SET_SECCOMP, SECCOMP_MODE_FILTER}},
                        {Abi::kX86_64, 446, {~0ull}},
                        {Abi::kX86_64, SYS_userfaultfd, {~0ull}},
                        {Abi::kX86_64, SYS_fsopen, {0, ~0ull}},
                        {Abi::kX86_64, SYS_wait4, {1}},
                        {Abi::kX86_64, SYS_waitid, {1, 1}}};
  for (Call call : calls) {
    EXPECT_TRUE(IsNotified(call)) << call.nr;
    const uint64_t others[] = {kPass + 1, kPass ^ (1ull << 40), kPass & ~0u};
    for (const uint64_t other : others) {
      call.args[5] = other;
      EXPECT_TRUE(IsNotified(call)) << call.nr << " with " << other;
    }
    call.args[5] = kPass;
    EXPECT_FALSE(IsNotified(call)) << call.nr;
  }
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_ptrace, {0, 0, 0, 0, 0, kPass}}));
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_prctl, {PR_GET_SECCOMP, 0, 0, 0, 0, kPass}}));
}

TEST_F(FilteredWithPass, I386CallsPassWithItsLowerHalf) {
  const long pid = Result({Abi::kI386, 20, {}});
  if (pid != pid_) GTEST_SKIP() << "the kernel has no IA32 emulation";
  for (long nr : {174, 67, 48}) {
    EXPECT_TRUE(IsNotified({Abi::kI386, nr, {SIGCHLD, 0}})) << nr;
    EXPECT_FALSE(IsNotified({Abi::kI386, nr, {SIGCHLD, 0, 0, 0, 0, kPass}})) << nr;
  }
}

class FilteredMore : public Filtered {
 protected:
  FilteredMore() {
    for (const char* name : {"getppid", "wait4", "pwritev2", "connect", "fchmodat2"}) {
      const absl::StatusOr<std::vector<CallNumber>> numbers = FindCall(name);
      spec_.calls.insert(spec_.calls.end(), numbers->begin(), numbers->end());
    }
    spec_.new_calls_are_enosys = true;
  }
};

TEST_F(FilteredMore, MoreCallsAreNotified) {
  for (long nr : {SYS_getppid, SYS_wait4, SYS_pwritev2, SYS_connect, 452}) {
    EXPECT_TRUE(IsNotified({Abi::kX86_64, nr, {}})) << nr;
  }
  EXPECT_TRUE(IsNotified({Abi::kX86_64, SYS_ptrace, {}})) << "the emulation's still are";
  EXPECT_EQ(Result({Abi::kX86_64, SYS_getpid, {}}), pid_);
}

TEST_F(FilteredMore, NewCallsAreEnosys) {
  EXPECT_EQ(Result({Abi::kX86_64, kFirstUnknownCall, {}}), -ENOSYS);
  EXPECT_EQ(Result({Abi::kX86_64, -1, {}}), -ENOSYS);
}

TEST_F(Filtered, AnswersAreErrnosOrValues) {
  const auto answer = [this](int64_t value) {
    const Call call = {Abi::kX86_64, SYS_wait4, {}};
    if (write(channel_.get(), &call, sizeof(call)) < 0) return long{0};
    pollfd fd = {listener_->fd(), POLLIN, 0};
    poll(&fd, 1, 10000);
    EXPECT_TRUE(listener_->Receive(&notification_));
    EXPECT_TRUE(listener_->Answer(notification_.id, value));
    EXPECT_FALSE(listener_->Answer(notification_.id, value)) << "only one answer is taken";
    long result = 0;
    EXPECT_EQ(read(channel_.get(), &result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
    return result;
  };
  EXPECT_EQ(answer(0), 0);
  EXPECT_EQ(answer(-ECHILD), -ECHILD);
  EXPECT_EQ(answer(0x123456789), 0x123456789);
}

TEST_F(Filtered, ContinueLeavesTheCallToTheKernel) {
  const Call call = {Abi::kX86_64, SYS_wait4, {static_cast<uint64_t>(-1), 0}};
  ASSERT_EQ(write(channel_.get(), &call, sizeof(call)), static_cast<ssize_t>(sizeof(call)));
  pollfd fd = {listener_->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 10000), 1);
  ASSERT_TRUE(listener_->Receive(&notification_));
  EXPECT_TRUE(listener_->Continue(notification_.id));
  long result = 0;
  ASSERT_EQ(read(channel_.get(), &result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
  EXPECT_EQ(result, -ECHILD);
}

// The poll(2) said that there is one, but its caller was killed since: nothing to receive, and no blocking.
TEST_F(Filtered, ReceiveDoesNotBlockForACallerThatIsGone) {
  const Call call = {Abi::kX86_64, SYS_wait4, {}};
  ASSERT_EQ(write(channel_.get(), &call, sizeof(call)), static_cast<ssize_t>(sizeof(call)));
  pollfd fd = {listener_->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 10000), 1);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  EXPECT_FALSE(listener_->Receive(&notification_));
  ASSERT_EQ(poll(&fd, 1, 10000), 1);
  EXPECT_EQ(fd.revents, POLLHUP);
}

}  // namespace
}  // namespace nestrace
