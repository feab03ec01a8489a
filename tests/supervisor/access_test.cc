// MayAttach() against the kernel: each pair of a caller and a target is judged by both, the kernel by a
// PTRACE_SEIZE that the caller really makes.

#include "supervisor/access.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

constexpr uid_t kUser = 1000;
constexpr uid_t kOther = 1001;

bool WriteFile(const char* path, const std::string& text) {
  const UniqueFd fd(open(path, O_WRONLY));
  return fd.ok() && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The system calls: glibc's would be the same here, and these need no thought about threads.
bool SetUids(uid_t real, uid_t effective, uid_t saved) {
  return syscall(SYS_setresuid, real, effective, saved) == 0;
}
bool SetGids(gid_t real, gid_t effective, gid_t saved) {
  return syscall(SYS_setresgid, real, effective, saved) == 0;
}
bool SetDumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable) == 0; }

bool DropCapabilities(uint64_t dropped) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return false;
  for (int i = 0; i < 2; ++i) {
    const uint32_t keep = ~static_cast<uint32_t>(dropped >> (32 * i));
    data[i].effective &= keep;
    data[i].permitted &= keep;
    data[i].inheritable &= keep;
  }
  return syscall(SYS_capset, &header, data) == 0;
}

bool BecomeUser(uid_t id) { return SetGids(id, id, id) && SetUids(id, id, id) && SetDumpable(1); }

// A user namespace of its own, whose root this user is.
bool EnterUserNamespace() {
  const std::string map = "0 " + std::to_string(geteuid()) + " 1";
  const std::string gid_map = "0 " + std::to_string(getegid()) + " 1";
  return unshare(CLONE_NEWUSER) == 0 && WriteFile("/proc/self/setgroups", "deny") &&
         WriteFile("/proc/self/uid_map", map) && WriteFile("/proc/self/gid_map", gid_map);
}

// What a process may be. Each function runs in the process itself, which is root.
struct Kind {
  const char* name;
  bool (*become)();
};

const Kind kKinds[] = {
    {"root", [] { return SetDumpable(1); }},
    {"root_not_dumpable", [] { return SetDumpable(0); }},
    {"root_without_capabilities", [] { return DropCapabilities(~uint64_t{0}) && SetDumpable(1); }},
    {"root_without_capabilities_not_dumpable",
     [] { return DropCapabilities(~uint64_t{0}) && SetDumpable(0); }},
    {"root_without_sys_ptrace", [] { return DropCapabilities(1 << CAP_SYS_PTRACE) && SetDumpable(1); }},
    {"user", [] { return BecomeUser(kUser); }},
    {"user_not_dumpable", [] { return BecomeUser(kUser) && SetDumpable(0); }},
    {"other_user", [] { return BecomeUser(kOther); }},
    {"user_of_another_group",
     [] { return SetGids(kOther, kOther, kOther) && SetUids(kUser, kUser, kUser) && SetDumpable(1); }},
    {"user_with_another_saved_uid",
     [] { return SetGids(kUser, kUser, kUser) && SetUids(kUser, kUser, kOther) && SetDumpable(1); }},
    {"user_who_may_become_root",
     [] { return SetGids(kUser, kUser, kUser) && SetUids(kUser, kUser, 0) && SetDumpable(1); }},
    {"root_made_from_user", [] { return SetGids(kUser, 0, 0) && SetUids(kUser, 0, 0) && SetDumpable(1); }},
    {"user_namespace_of_user", [] { return BecomeUser(kUser) && EnterUserNamespace() && SetDumpable(1); }},
    {"user_namespace_of_root", [] { return SetDumpable(1) && EnterUserNamespace() && SetDumpable(1); }},
};

// A child that has become `kind` and then obeys: one byte in, one errno out.
class Actor {
 public:
  explicit Actor(const Kind& kind) {
    int commands[2], answers[2];
    if (pipe2(commands, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      close(commands[1]);
      close(answers[0]);
      Serve(kind, commands[0], answers[1]);
    }
    commands_ = UniqueFd(commands[1]);
    answers_ = UniqueFd(answers[0]);
    close(commands[0]);
    close(answers[1]);
    ready_ = Answer() == 0;
  }
  ~Actor() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, __WALL);
  }

  bool ready() const { return ready_; }
  Tid tid() const { return Tid{pid_}; }
  // The errno of PTRACE_SEIZE on `target`.
  int Seize(Tid target) {
    if (write(commands_.get(), &target.value, sizeof(pid_t)) != sizeof(pid_t)) return -1;
    return Answer();
  }

 private:
  int Answer() {
    int answer = -1;
    return read(answers_.get(), &answer, sizeof(answer)) == sizeof(answer) ? answer : -1;
  }

  [[noreturn]] static void Serve(const Kind& kind, int commands, int answers) {
    int answer = kind.become() ? 0 : EPERM;
    pid_t target;
    do {
      if (write(answers, &answer, sizeof(answer)) < 0) break;
      if (read(commands, &target, sizeof(target)) != sizeof(target)) break;
      answer = syscall(SYS_ptrace, PTRACE_SEIZE, target, 0, 0) < 0 ? errno : 0;
    } while (true);
    _exit(0);
  }

  pid_t pid_ = -1;
  UniqueFd commands_;
  UniqueFd answers_;
  bool ready_ = false;
};

bool CapabilitiesAreThere() {
  const pid_t pid = fork();
  if (pid == 0) _exit(BecomeUser(kUser) ? 0 : 1);
  int status = 0;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

TEST(Access, JudgesAsTheKernelDoes) {
  if (!CapabilitiesAreThere()) GTEST_SKIP() << "needs to be root, of more than one user id";
  absl::StatusOr<ProcFs> proc = ProcFs::Open();
  ASSERT_TRUE(proc.ok()) << proc.status();
  int judged = 0;
  for (const Kind& caller_kind : kKinds) {
    for (const Kind& target_kind : kKinds) {
      Actor target(target_kind);  // outlives its tracer
      Actor caller(caller_kind);
      if (!caller.ready() || !target.ready()) continue;
      const long verdict = MayAttach(*proc, caller.tid(), target.tid());
      EXPECT_EQ(caller.Seize(target.tid()), -verdict) << caller_kind.name << " on " << target_kind.name;
      ++judged;
    }
  }
  printf("%d pairs\n", judged);
}

TEST(Access, DeadTargetIsRefused) {
  absl::StatusOr<ProcFs> proc = ProcFs::Open();
  ASSERT_TRUE(proc.ok()) << proc.status();
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(MayAttach(*proc, Tid{getpid()}, Tid{pid}), -EPERM);
}

}  // namespace
}  // namespace nestrace
