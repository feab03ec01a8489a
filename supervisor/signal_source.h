#ifndef NESTRACE_SUPERVISOR_SIGNAL_SOURCE_H_
#define NESTRACE_SUPERVISOR_SIGNAL_SOURCE_H_

#include <sys/types.h>

#include <vector>

namespace nestrace {

// Where signals come from: a descriptor of which each read(2) yields a struct signalfd_siginfo, such as a
// signalfd(2), and the process that they were sent to.
struct SignalSource {
  int fd = -1;  // -1: none. Not owned
  pid_t process = 0;
  // Signals that came before there was a PROGRAM to get its own copy; it starts with them pending.
  std::vector<int> early;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SIGNAL_SOURCE_H_
