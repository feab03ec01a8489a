// Calls a function of the embedder's, which may be one that fails or throws.
//
//   absl::StatusOr<bool> may = Guarded("Policy::MayExecute()", [&] { return policy.MayExecute(tid); });
//   if (!may.ok()) ...   // "Policy::MayExecute(): no idea" or "Policy::MayExecute() threw an exception:
//   oops"

#ifndef NESTRACE_SUPERVISOR_GUARDED_H_
#define NESTRACE_SUPERVISOR_GUARDED_H_

#include <exception>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace nestrace {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const T& result) {
  return result.status();
}

// `function` returns an absl::Status or an absl::StatusOr, and so does this; `where` says who it was.
template <typename Function>
std::invoke_result_t<const Function&> Guarded(absl::string_view where, const Function& function) {
  try {
    std::invoke_result_t<const Function&> result = function();
    if (result.ok()) return result;
    const absl::Status status = StatusOf(result);
    return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
  } catch (const std::exception& exception) {
    return absl::InternalError(absl::StrCat(where, " threw an exception: ", exception.what()));
  } catch (...) {
    return absl::InternalError(absl::StrCat(where, " threw something"));
  }
}

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_GUARDED_H_
