// A Policy as the Interceptor of emu/: names instead of numbers, and what goes wrong in it as a Status.
//
//   absl::StatusOr<PolicyInterceptor> interceptor = PolicyInterceptor::Create(&policy);
//   FilterProgram::Build({interceptor->calls(), policy.NewCallsAreEnosys()});
//   ... after each event: if (!interceptor->status().ok()) ... end the run

#ifndef NESTRACE_SUPERVISOR_POLICY_INTERCEPTOR_H_
#define NESTRACE_SUPERVISOR_POLICY_INTERCEPTOR_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/interceptor.h"
#include "supervisor/call_names.h"
#include "supervisor/policy.h"

namespace nestrace {

class PolicyInterceptor final : public Interceptor {
 public:
  // An error says what is wrong with policy->Calls().
  static absl::StatusOr<PolicyInterceptor> Create(Policy* policy);

  std::vector<CallNumber> calls() const;
  // The first failure of the policy. From then on every call is refused and no program executed.
  const absl::Status& status() const { return status_; }

  bool Intercepts(Abi abi, int nr) const override { return names_.count({abi, nr}) != 0; }
  Decision OnCall(const Notification& call, Caller* caller) override;
  bool MayExecute(Tid tid) override;

 private:
  explicit PolicyInterceptor(Policy* policy) : policy_(*policy) {}

  Policy& policy_;
  std::map<std::pair<Abi, int>, std::string> names_;
  absl::Status status_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_POLICY_INTERCEPTOR_H_
