#include "supervisor/signal_forwarder.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace nestrace {
namespace {

constexpr std::chrono::milliseconds kSameKill(100);
constexpr std::chrono::seconds kJustEnded(1);
constexpr int kMaxSignal = 64;

}  // namespace

void TakeTerminalSignals(bool all, std::vector<int>* signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTSTP}) sigaddset(&set, signal);
  const timespec now = {0, 0};
  siginfo_t info;
  while (sigtimedwait(&set, &info, &now) > 0) {
    // A signal to the process group during a fork reaches the child as well, but without its siginfo, which
    // then says SI_USER and pid 0 (kernel/fork.c:copy_process, `delayed`).
    const bool during_fork = info.si_code == SI_USER && info.si_pid == 0;
    if (all || info.si_code > 0 || during_fork) signals->push_back(info.si_signo);
  }
}

void SignalForwarder::NoteSignalStop(Tid tid, int signal) {
  if (signal < 1 || signal > kMaxSignal || signal == SIGCHLD) return;
  if (!(tid == program_) && syscall(SYS_tgkill, program_.value, tid.value, 0) < 0) return;
  siginfo_t info = {};
  if (syscall(SYS_ptrace, PTRACE_GETSIGINFO, tid.value, 0, &info) < 0) return;
  if (info.si_code > 0) return;
  delivered_[signal] = {info.si_pid, std::chrono::steady_clock::now()};
}

void SignalForwarder::NoteEnd(Tid tid) {
  const auto now = std::chrono::steady_clock::now();
  while (!ended_.empty() && now - ended_.front().when > kJustEnded) ended_.pop_front();
  ended_.push_back({tid, now});
}

bool SignalForwarder::HasJustEnded(Tid tid) const {
  const auto now = std::chrono::steady_clock::now();
  return std::any_of(ended_.begin(), ended_.end(),
                     [&](const End& end) { return end.tid == tid && now - end.when <= kJustEnded; });
}

bool SignalForwarder::IsForReceiverAlone(const signalfd_siginfo& info) const {
  if (info.ssi_signo == SIGALRM) return true;
  return (info.ssi_signo == SIGHUP || info.ssi_signo == SIGCONT) && getsid(receiver_) == receiver_;
}

bool SignalForwarder::ReachedProgram(const signalfd_siginfo& info) {
  Delivery& last = delivered_[info.ssi_signo];
  if (last.sender == 0 || last.sender != static_cast<int>(info.ssi_pid)) return false;
  const bool recent = std::chrono::steady_clock::now() - last.when < kSameKill;
  last = {};
  return recent;
}

void SignalForwarder::Forward(const signalfd_siginfo& info) {
  const int signal = static_cast<int>(info.ssi_signo);
  if (signal < 1 || signal > kMaxSignal) return;
  if (info.ssi_code > 0 ? !IsForReceiverAlone(info) : ReachedProgram(info)) return;
  if (info.ssi_code != SI_QUEUE) {
    kill(program_.value, signal);
    return;
  }
  siginfo_t queued = {};
  queued.si_signo = signal;
  queued.si_code = SI_QUEUE;
  queued.si_pid = static_cast<pid_t>(info.ssi_pid);
  queued.si_uid = info.ssi_uid;
  queued.si_value.sival_ptr = reinterpret_cast<void*>(info.ssi_ptr);
  syscall(SYS_rt_sigqueueinfo, program_.value, signal, &queued);
}

}  // namespace nestrace
