#include "supervisor/policy_interceptor.h"

#include <errno.h>

#include <algorithm>
#include <exception>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace nestrace {
namespace {

constexpr const char* kNoWayBack[] = {"rt_sigreturn", "sigreturn", "restart_syscall", "exit", "exit_group"};

absl::Status Annotate(const absl::Status& status, absl::string_view where) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

// Calls a function of the policy, which may be one that throws.
template <typename T, typename Function>
absl::StatusOr<T> Guarded(const std::string& where, const Function& function) {
  try {
    absl::StatusOr<T> result = function();
    if (!result.ok()) return Annotate(result.status(), where);
    return result;
  } catch (const std::exception& exception) {
    return absl::InternalError(absl::StrCat(where, " threw an exception: ", exception.what()));
  } catch (...) {
    return absl::InternalError(absl::StrCat(where, " threw something"));
  }
}

}  // namespace

absl::StatusOr<PolicyInterceptor> PolicyInterceptor::Create(Policy* policy) {
  PolicyInterceptor interceptor(policy);
  for (const std::string& name : policy->Calls()) {
    if (std::find(std::begin(kNoWayBack), std::end(kNoWayBack), name) != std::end(kNoWayBack)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Policy::Calls(): ", name, " can't be intercepted, no thread goes on behind it"));
    }
    absl::StatusOr<std::vector<CallNumber>> numbers = FindCall(name);
    if (!numbers.ok()) return Annotate(numbers.status(), "Policy::Calls()");
    for (const CallNumber& number : *numbers) interceptor.names_[{number.abi, number.nr}] = name;
  }
  return interceptor;
}

std::vector<CallNumber> PolicyInterceptor::calls() const {
  std::vector<CallNumber> calls;
  for (const auto& [number, name] : names_) calls.push_back({number.first, number.second});
  return calls;
}

Interceptor::Decision PolicyInterceptor::OnCall(const Notification& notification, Caller* caller) {
  if (!status_.ok()) return Decision::Return(-EPERM);
  const std::string& name = names_.at({notification.abi, notification.nr});
  Call call(notification, name, caller);
  const std::string where = absl::StrCat("Policy::OnCall(", name, ")");
  absl::StatusOr<nestrace::Decision> decision =
      Guarded<nestrace::Decision>(where, [&] { return policy_.OnCall(&call); });
  if (decision.ok()) {
    if (absl::Status status = decision->Check(); !status.ok()) decision = Annotate(status, where);
  }
  if (decision.ok()) return decision->raw();
  status_ = decision.status();
  return Decision::Return(-EPERM);
}

bool PolicyInterceptor::MayExecute(Tid tid) {
  if (!status_.ok()) return false;
  absl::StatusOr<bool> may = Guarded<bool>("Policy::MayExecute()", [&] { return policy_.MayExecute(tid); });
  if (may.ok()) return *may;
  status_ = may.status();
  return false;
}

}  // namespace nestrace
