// A child of a test, traced with PTRACE_SEIZE, that stops or ends when told.
//
//   GuestProcess guest([] { raise(SIGUSR1); });   // runs the function and exits with 0
//   guest.Start();                                 // seized; now the function runs
//
// The destructor kills and reaps it, whatever state it is in.

#ifndef NESTRACE_TESTS_SUPERVISOR_GUEST_PROCESS_H_
#define NESTRACE_TESTS_SUPERVISOR_GUEST_PROCESS_H_

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "emu/types.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class GuestProcess {
 public:
  explicit GuestProcess(const std::function<void()>& run) {
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      close(go[1]);
      char byte;
      if (read(go[0], &byte, 1) == 1) run();
      _exit(0);
    }
    close(go[0]);
    go_ = UniqueFd(go[1]);
  }
  ~GuestProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    // SIGKILL does not end a PTRACE_EVENT_EXIT stop.
    do {
      ptrace(PTRACE_CONT, pid_, 0, 0);
    } while (waitpid(pid_, nullptr, __WALL) == pid_);
  }
  GuestProcess(const GuestProcess&) = delete;
  GuestProcess& operator=(const GuestProcess&) = delete;

  Tid tid() const { return Tid{pid_}; }

  bool Start(long options = 0) {
    return ptrace(PTRACE_SEIZE, pid_, 0, options) == 0 && write(go_.get(), "", 1) == 1;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd go_;
};

// Calls `done` until it returns true, ten seconds at most; true if it did.
inline bool Eventually(const std::function<bool()>& done) {
  for (int i = 0; i < 10000; ++i) {
    if (done()) return true;
    poll(nullptr, 0, 1);
  }
  return false;
}

}  // namespace nestrace

#endif  // NESTRACE_TESTS_SUPERVISOR_GUEST_PROCESS_H_
