// The seccomp filters that guests install themselves, run by us for the calls that we intercept.
//
// Of several filters' verdicts the kernel takes the strictest, and SECCOMP_RET_USER_NOTIF (ours) is stricter
// than SECCOMP_RET_TRACE: a guest's RET_TRACE on ptrace, wait4 and the like never shows. So the programs are
// read as they are installed, and run again when such a call is notified. A program is the guest's own: what
// it makes of it in another thread misleads nobody but itself.

#ifndef NESTRACE_EMU_GUEST_FILTERS_H_
#define NESTRACE_EMU_GUEST_FILTERS_H_

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"

namespace nestrace {

// One installed filter and those before it, as the kernel's chain: shared by children.
struct GuestFilter {
  std::vector<struct sock_filter> program;
  std::shared_ptr<const GuestFilter> previous;
  int depth = 1;        // number of filters up to this one
  bool strict = false;  // in the place of SECCOMP_MODE_STRICT: what it wants traced is to kill the thread
};

// Allows what SECCOMP_MODE_STRICT allows, and wants all else traced.
std::vector<struct sock_filter> StrictProgram();

// Runs one program as the kernel does. A program that the kernel would not have taken ends with
// SECCOMP_RET_ALLOW.
uint32_t RunFilter(absl::Span<const struct sock_filter> program, const struct seccomp_data& data);

// The strictest verdict of the chain, newest first (kernel/seccomp.c:seccomp_run_filters).
uint32_t RunFilters(const GuestFilter* newest, const struct seccomp_data& data);

}  // namespace nestrace

#endif  // NESTRACE_EMU_GUEST_FILTERS_H_
