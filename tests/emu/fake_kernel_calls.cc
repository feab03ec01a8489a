// The calls of the scripted kernel that are not ptrace(2): memory, signals, waiting, answers, facts.

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "tests/emu/fake_kernel.h"

namespace nestrace {

namespace {

std::string Number(int64_t value) { return std::to_string(value); }

}  // namespace

long FakeKernel::Transfer(Tid tid, uint64_t addr, char* out, const char* in, size_t size) {
  if (!Has(tid)) return -ESRCH;
  const FakeThread& thread = at(tid);
  if (thread.state == FakeThread::State::kDying || thread.state == FakeThread::State::kZombie ||
      thread.state == FakeThread::State::kReaped) {
    return -ESRCH;
  }
  std::vector<char>& bytes = memory(thread.facts.tgid);
  if (addr < kGuestMemory || addr + size > kGuestMemory + bytes.size()) return -EFAULT;
  if (out != nullptr) memcpy(out, bytes.data() + (addr - kGuestMemory), size);
  if (in != nullptr) memcpy(bytes.data() + (addr - kGuestMemory), in, size);
  return 0;
}

// What keeps the memory of `tid` from being read or written from outside, but not by PEEK and POKE: a
// negative errno, or 0.
long FakeKernel::OutOfReach(Tid tid) {
  const pid_t tgid = Has(tid) ? at(tid).facts.tgid : 0;
  if (std::count(undumpable_.begin(), undumpable_.end(), tgid) != 0) return -EPERM;
  return slow_[tgid] ? -EAGAIN : 0;
}

long FakeKernel::ReadMemory(Tid tid, GuestAddr addr, absl::Span<char> out) {
  Enter();
  const long error = OutOfReach(tid);
  return Log([&] { return "read(" + Number(tid.value) + ", " + Number(out.size()) + ")"; },
             error < 0 ? error : Transfer(tid, static_cast<uint64_t>(addr), out.data(), nullptr, out.size()));
}

long FakeKernel::WriteMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) {
  Enter();
  const long error = OutOfReach(tid);
  return Log([&] { return "write(" + Number(tid.value) + ", " + Number(in.size()) + ")"; },
             error < 0 ? error : Transfer(tid, static_cast<uint64_t>(addr), nullptr, in.data(), in.size()));
}

long FakeKernel::SendSignal(Tid tgid, Tid tid, int signal) {
  Enter();
  const auto send = [&]() -> long {
    if (!Has(tid) || at(tid).state == FakeThread::State::kReaped) return -ESRCH;
    if (at(tid).facts.tgid != tgid.value) return -ESRCH;
    if (signal == 0) return 0;
    if (signal == SIGKILL) {
      KillProcess(tgid.value);
      return 0;
    }
    siginfo_t info = {};
    info.si_signo = signal;
    info.si_code = SI_TKILL;
    at(tid).queued.push_back(info);
    return 0;
  };
  return Log(
      [&] { return "tgkill(" + Number(tgid.value) + ", " + Number(tid.value) + ", " + Number(signal) + ")"; },
      send());
}

long FakeKernel::QueueSignal(Tid tgid, Tid tid, const siginfo_t& info) {
  Enter();
  const auto queue = [&]() -> long {
    if (info.si_code >= 0) {
      violations_.push_back("a queued siginfo must have a negative si_code");
      return -EPERM;
    }
    const Tid target = tid.value == 0 ? tgid : tid;
    if (!Has(target) || at(target).state == FakeThread::State::kReaped) return -ESRCH;
    auto& queued = tid.value == 0 ? process_queues_[tgid.value] : at(tid).queued;
    const bool pending = std::any_of(queued.begin(), queued.end(),
                                     [&](const siginfo_t& other) { return other.si_signo == info.si_signo; });
    if (limit_used_up_ && info.si_signo >= SIGRTMIN) return -EAGAIN;
    siginfo_t kept = {};
    kept.si_signo = info.si_signo;
    if (!pending) queued.push_back(limit_used_up_ ? kept : info);  // a standard signal is pending once
    return 0;
  };
  return Log(
      [&] {
        return "queue(" + Number(tgid.value) + ", " + Number(tid.value) + ", " + Number(info.si_signo) + ")";
      },
      queue());
}

long FakeKernel::Reap(Tid tid) {
  Enter();
  const auto reap = [&]() -> long {
    if (!Has(tid) || at(tid).state != FakeThread::State::kZombie) {
      violations_.push_back("reaped " + Number(tid.value) + ", which is no zombie");
      return -ECHILD;
    }
    const pid_t tgid = at(tid).facts.tgid;
    for (const auto& [other, thread] : threads_) {
      if (tgid == tid.value && other != tgid && thread.facts.tgid == tgid &&
          thread.state != FakeThread::State::kReaped) {
        violations_.push_back("reaped leader " + Number(tid.value) + " before " + Number(other));
      }
    }
    at(tid).state = FakeThread::State::kReaped;
    at(tid).facts.tracer = 0;
    // A process stays as the zombie of its real parent, if that is a living guest.
    const Tid parent{at(tid).facts.parent_tgid};
    const bool orphan = !Has(parent) || at(parent).state == FakeThread::State::kReaped;
    at(tid).gone = tgid != tid.value || orphan;
    return 0;
  };
  return Log([&] { return "reap(" + Number(tid.value) + ")"; }, reap());
}

bool FakeKernel::PeekExit(Tid tid, ExitInfo* info) {
  Enter();
  if (!Has(tid) || !at(tid).end.has_value()) return false;
  *info = *at(tid).end;
  return true;
}

bool FakeKernel::HasStopped(Tid tid) {
  Enter();
  return Has(tid) && at(tid).state == FakeThread::State::kStopped;
}

long FakeKernel::WaitContinued(Tid tid, bool leave) {
  Enter();
  bool& continued = continued_[Has(tid) ? at(tid).facts.tgid : 0];
  const long result = continued ? 1 : 0;
  if (!leave) continued = false;
  return Log([&] { return "wait_continued(" + Number(tid.value) + (leave ? ", leave)" : ")"); }, result);
}

bool FakeKernel::TakeNotification(uint64_t id, FakeNotification** notification) {
  const auto it = notifications_.find(id);
  if (it == notifications_.end()) {
    violations_.push_back("answered a notification that never was");
    return false;
  }
  if (it->second.answer.has_value() || it->second.continued) {
    violations_.push_back("answered notification " + Number(id) + " twice");
    return false;
  }
  FakeThread& caller = at(it->second.call.tid);
  if (refuse_next_) {
    // A signal has woken the caller; its stop is on its way.
    refuse_next_ = false;
    it->second.open = false;
    caller.regs.rax = -kErestartsys;
    caller.notification = 0;
    return false;
  }
  if (!it->second.open) return false;
  it->second.open = false;
  *notification = &it->second;
  return true;
}

bool FakeKernel::Answer(uint64_t id, int64_t value) {
  Enter();
  FakeNotification* notification = nullptr;
  const bool taken = TakeNotification(id, &notification);
  if (taken) {
    notification->answer = value;
    FakeThread& caller = at(notification->call.tid);
    caller.regs.rax = lose_next_ ? -kErestartsys : value;
    caller.notification = 0;
    lose_next_ = false;
  } else if (notifications_.count(id) != 0) {
    notifications_.at(id).refused = value;
  }
  Log([&] { return "answer(" + Number(id) + ", " + Number(value) + ")"; }, taken);
  return taken;
}

bool FakeKernel::Continue(uint64_t id) {
  Enter();
  FakeNotification* notification = nullptr;
  const bool taken = TakeNotification(id, &notification);
  if (taken) {
    notification->continued = true;
    FakeThread& caller = at(notification->call.tid);
    caller.notification = 0;
    caller.blocked_in = notification->call.nr;
  }
  Log([&] { return "continue(" + Number(id) + ")"; }, taken);
  return taken;
}

// The number in the guest is 100 and the supervisor's.
long FakeKernel::AnswerDescriptor(uint64_t id, int fd, bool close_on_exec) {
  Enter();
  const auto give = [&]() -> long {
    if (descriptor_error_ != 0 && notifications_.at(id).open) return std::exchange(descriptor_error_, 0);
    FakeNotification* notification = nullptr;
    if (!TakeNotification(id, &notification)) return -ESRCH;
    notification->descriptor = fd;
    notification->answer = 100 + fd;
    FakeThread& caller = at(notification->call.tid);
    caller.regs.rax = 100 + fd;
    caller.notification = 0;
    return 100 + fd;
  };
  return Log([&] { return "addfd(" + Number(id) + ", " + Number(fd) + (close_on_exec ? ", cloexec)" : ")"); },
             give());
}

bool FakeKernel::ReadFacts(Tid tid, ThreadFacts* facts) {
  Enter();
  if (!Has(tid) || at(tid).gone) return false;
  *facts = at(tid).facts;
  return true;
}

uid_t FakeKernel::UidIn(Tid, uid_t uid) { return uid; }

Tid FakeKernel::FromNamespace(Tid viewer, pid_t number) {
  Enter();
  const NamespacedPid& own = at(viewer).facts.pids.back();
  for (const auto& [tid, thread] : threads_) {
    for (const NamespacedPid& pid : thread.facts.pids) {
      if (pid.pid_namespace == own.pid_namespace && pid.pid == number && !thread.gone) return Tid{tid};
    }
  }
  return Tid{};
}

long FakeKernel::ProcessGroup(Tid tid) {
  Enter();
  return Exists(tid) ? 1 : -ESRCH;
}

bool FakeKernel::HasMemoryOpen(Tid tracer, const std::vector<NamespacedPid>& process) {
  Enter();
  return open_memory_.count({tracer.value, process.front().pid}) != 0;
}

bool FakeKernel::Exists(Tid tid) {
  Enter();
  return Has(tid) && !at(tid).gone;
}

long FakeKernel::PidfdTarget(Tid, int fd, bool* nonblocking) {
  Enter();
  // Descriptor 1000 + N is a pidfd of process N, 2000 + N a non-blocking one.
  if (fd < 1000) return -EBADF;
  *nonblocking = fd >= 2000;
  return fd % 1000;
}

long FakeKernel::BlockedIn(Tid tid) {
  Enter();
  return Has(tid) ? at(tid).blocked_in : -1;
}

long FakeKernel::GroupExitCode(Tid tgid) {
  Enter();
  return Has(tgid) ? at(tgid).group_exit_code : 0;
}

long FakeKernel::MayAttach(Tid, Tid target) {
  Enter();
  if (!Has(target)) return -ESRCH;
  return deny_attach_ ? -EPERM : 0;
}

long FakeKernel::MayTraceChild(Tid, Tid) {
  Enter();
  return 0;
}

bool FakeKernel::IsLandlockRuleset(Tid tid, int fd) {
  Enter();
  return Has(tid) && fd == kLandlockRuleset;
}

}  // namespace nestrace
