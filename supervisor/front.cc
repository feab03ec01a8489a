#include "supervisor/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"

namespace nestrace {
namespace {

// The front's side. Over the channel go struct signalfd_siginfo, and come single bytes: the signal that
// PROGRAM was stopped by, or 0 when it runs again.
class FrontProcess {
 public:
  FrontProcess(pid_t supervisor, UniqueFd channel, UniqueFd signals)
      : supervisor_(supervisor), channel_(std::move(channel)), signals_(std::move(signals)) {}

  [[noreturn]] void Run() {
    for (;;) {
      pollfd fds[] = {{signals_.get(), POLLIN, 0}, {channel_open_ ? channel_.get() : -1, POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents != 0 && ReadJobState()) Stop();
      if (fds[0].revents != 0) HandleSignal();
    }
  }

 private:
  void HandleSignal() {
    signalfd_siginfo info;
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return;
    if (info.ssi_signo == SIGCHLD) {
      Reap();
    } else if (static_cast<pid_t>(info.ssi_pid) != supervisor_ || info.ssi_code > 0) {
      // Else it was the SIGCONT of ShowJobState.
      send(channel_.get(), &info, sizeof(info), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }

  // Ends the process if the supervisor ended.
  void Reap() {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
      if (pid != supervisor_) continue;
      if (WIFSIGNALED(status)) DieOfSignal(WTERMSIG(status));
      ExitWith(WEXITSTATUS(status));
    }
  }

  // Takes all news; true if PROGRAM is stopped by a signal that the front is to stop itself with.
  bool ReadJobState() {
    char signal;
    ssize_t got;
    while ((got = recv(channel_.get(), &signal, 1, MSG_DONTWAIT)) == 1) stop_signal_ = signal;
    if (got == 0) channel_open_ = false;
    return stop_signal_ != 0;
  }

  // Stops by stop_signal_, unless PROGRAM is continued first. For that ShowJobState sends SIGCONT after its
  // news, and SIGCONT discards a pending stop signal:
  //   1. the stop signal becomes pending, blocked
  //   2. the news are looked at again; if PROGRAM was continued before 1, that is seen here
  //   3. the signal is unblocked and stops this process; unless PROGRAM was continued since 2, when the
  //      SIGCONT has discarded it, or continues what has just stopped
  void Stop() {
    const int signal = stop_signal_;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    struct sigaction standard = {}, old;
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, &old);
    raise(signal);
    if (ReadJobState()) {
      sigprocmask(SIG_UNBLOCK, &set, nullptr);
      sigprocmask(SIG_BLOCK, &set, nullptr);
    } else {
      const timespec now = {0, 0};
      sigtimedwait(&set, nullptr, &now);
    }
    sigaction(signal, &old, nullptr);
    stop_signal_ = 0;
  }

  const pid_t supervisor_;
  UniqueFd channel_;
  UniqueFd signals_;
  bool channel_open_ = true;
  int stop_signal_ = 0;
};

// What the terminal sent to nestrace before it was two processes is pending in the front alone; what it sends
// from the fork on, in both. So the front tells after the fork what it has, and none is missed.
void SendEarlySignals(int channel) {
  std::vector<int> signals;
  TakeTerminalSignals(true, &signals);
  signals.push_back(0);  // an empty message would look like the end
  send(channel, signals.data(), signals.size() * sizeof(int), MSG_NOSIGNAL);
}

std::vector<int> ReceiveEarlySignals(int channel) {
  std::vector<int> signals(16);
  const ssize_t got = recv(channel, signals.data(), signals.size() * sizeof(int), 0);
  signals.resize(got > 0 ? got / sizeof(int) - 1 : 0);
  return signals;
}

}  // namespace

absl::StatusOr<Front> Front::Split() {
  sigset_t all;
  sigfillset(&all);
  UniqueFd signals(signalfd(-1, &all, SFD_CLOEXEC));
  if (!signals.ok()) return absl::ErrnoToStatus(errno, "signalfd()");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    return absl::ErrnoToStatus(errno, "socketpair()");
  }
  UniqueFd front_end(ends[0]);
  UniqueFd supervisor_end(ends[1]);
  const pid_t front = getpid();
  const pid_t supervisor = fork();
  if (supervisor < 0) return absl::ErrnoToStatus(errno, "fork()");
  if (supervisor > 0) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    supervisor_end.Reset();
    SendEarlySignals(front_end.get());
    FrontProcess(supervisor, std::move(front_end), std::move(signals)).Run();
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != front) _exit(125);  // it was killed before that took effect
  front_end.Reset();
  std::vector<int> early = ReceiveEarlySignals(supervisor_end.get());
  return Front(front, std::move(supervisor_end), std::move(early));
}

void Front::ShowJobState(int signal) {
  // SIGSTOP can't be blocked, so that the front could not stop itself without a race.
  if (signal == SIGSTOP) {
    kill(pid_, SIGSTOP);
    return;
  }
  const char byte = static_cast<char>(signal);
  send(channel_.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (signal == 0) kill(pid_, SIGCONT);
}

void ExitWith(int value) {
  fflush(nullptr);
  _exit(value);
}

void DieOfSignal(int signal) {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  ::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  raise(signal);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  ExitWith(128 + signal);  // init of a pid namespace does not die of its own signals
}

}  // namespace nestrace
