// The arguments of ptrace(2) and the waits in an intercepted call, and what they are called; for logs.

#ifndef NESTRACE_SUPERVISOR_DECODED_CALL_H_
#define NESTRACE_SUPERVISOR_DECODED_CALL_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "emu/observer.h"
#include "emu/types.h"

namespace nestrace {

struct PtraceArguments {
  long request = 0;
  pid_t pid = 0;  // as the caller gave it, in its pid namespace
  uint64_t addr = 0;
  uint64_t data = 0;
  // What one of the two is, for requests where that has names: "signal" for resumes and DETACH, "options" for
  // SETOPTIONS and SEIZE, "note" for GETREGSET and SETREGSET; and its value in names. Both empty: neither.
  std::string detail;
  std::string detail_value;
};

struct WaitArguments {
  bool waitid = false;
  std::string id_type;  // waitid(2): "P_PID"
  pid_t id = 0;         // as the caller gave it
  std::string flags;    // "WNOHANG|__WALL"
};

bool IsPtraceCall(const Notification& call);
// `call` is one.
PtraceArguments DecodePtrace(const Notification& call);
// `call` is a wait.
WaitArguments DecodeWait(const Notification& call);

// "answered", ...: the word of the log.
const char* RoadName(Observer::Road road);
const char* LinkOriginName(Observer::LinkOrigin origin);
const char* LinkEndName(Observer::LinkEnd reason);
// True if the road gives the caller a result.
bool HasResult(Observer::Road road);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_DECODED_CALL_H_
