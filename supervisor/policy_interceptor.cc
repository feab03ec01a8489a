#include "supervisor/policy_interceptor.h"

#include <errno.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "supervisor/guarded.h"

namespace nestrace {
namespace {

constexpr const char* kNoWayBack[] = {"rt_sigreturn", "sigreturn", "restart_syscall", "exit", "exit_group"};

}  // namespace

absl::StatusOr<PolicyInterceptor> PolicyInterceptor::Create(Policy* policy) {
  PolicyInterceptor interceptor(policy);
  const absl::StatusOr<std::vector<std::string>> calls = Guarded(
      "Policy::Calls()", [&]() -> absl::StatusOr<std::vector<std::string>> { return policy->Calls(); });
  if (!calls.ok()) return calls.status();
  for (const std::string& name : *calls) {
    if (std::find(std::begin(kNoWayBack), std::end(kNoWayBack), name) != std::end(kNoWayBack)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Policy::Calls(): ", name, " can't be intercepted, no thread goes on behind it"));
    }
    const absl::StatusOr<std::vector<CallNumber>> numbers =
        Guarded("Policy::Calls()", [&] { return FindCall(name); });
    if (!numbers.ok()) return numbers.status();
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
  absl::StatusOr<nestrace::Decision> decision = Guarded(where, [&] { return policy_.OnCall(&call); });
  if (decision.ok()) {
    if (absl::Status status = Guarded(where, [&] { return decision->Check(); }); !status.ok())
      decision = status;
  }
  if (decision.ok()) return decision->raw();
  status_ = decision.status();
  return Decision::Return(-EPERM);
}

bool PolicyInterceptor::MayExecute(Tid tid) {
  if (!status_.ok()) return false;
  absl::StatusOr<bool> may = Guarded("Policy::MayExecute()", [&] { return policy_.MayExecute(tid); });
  if (may.ok()) return *may;
  status_ = may.status();
  return false;
}

}  // namespace nestrace
