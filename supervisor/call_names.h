// System calls by name, as libseccomp has them, and some that are newer than it.
//
//   absl::StatusOr<std::vector<CallNumber>> numbers = FindCall("openat");   // one for each ABI that has it

#ifndef NESTRACE_SUPERVISOR_CALL_NAMES_H_
#define NESTRACE_SUPERVISOR_CALL_NAMES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "emu/types.h"

namespace nestrace {

struct CallNumber {
  Abi abi = Abi::kX86_64;
  int nr = 0;
  friend bool operator==(const CallNumber& a, const CallNumber& b) { return a.abi == b.abi && a.nr == b.nr; }
};

// Calls from this number on, the same in both ABIs, are newer than nestrace.
constexpr int kFirstUnknownCall = 470;

// Never empty. An error says that neither ABI has a call of this name. Those that i386 programs also make
// through socketcall(2) and ipc(2) are found under their own numbers only.
absl::StatusOr<std::vector<CallNumber>> FindCall(absl::string_view name);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_CALL_NAMES_H_
