// Landlock domains, which the kernel shows to nobody.
//
// A thread in a domain may trace only what is in the same domain or in one inside it
// (security/landlock/task.c:hook_ptrace_access_check, hook_ptrace_traceme). The kernel would ask this of the
// supervisor, which is in none of its guests' domains; so they are noted as guests enter them.

#include <memory>

#include "emu/core.h"

namespace nestrace {

namespace {

constexpr int kMaxDomains = 16;  // security/landlock/limits.h: LANDLOCK_MAX_NUM_LAYERS

}  // namespace

// landlock_restrict_self(2) is about to put its caller into a new domain. It does so if it knows the flags,
// of which every kernel has others, and the descriptor is a ruleset: every guest has NO_NEW_PRIVS. If this is
// the same call again, interrupted before the kernel had it, the caller is in two domains here and in one
// there. Nobody but it and its children is in either, so that makes no difference to anybody.
Outcome Core::NoteDomain(Thread* caller, const Notification& n) {
  const int depth = caller->domain == nullptr ? 0 : caller->domain->depth;
  const bool accepted = depth < kMaxDomains &&
                        kernel_->IsLandlockRuleset(caller->tid, static_cast<int>(n.args[0])) &&
                        kernel_->AreLandlockFlags(static_cast<uint32_t>(n.args[1]));
  if (!accepted) return Outcome::Continue();
  caller->domain = std::make_shared<LandlockDomain>(LandlockDomain{caller->domain, depth + 1});
  return Outcome::Continue();
}

bool Core::LandlockAllows(const Thread& tracer, const Thread& tracee) {
  if (tracer.domain == nullptr) return true;
  for (const LandlockDomain* domain = tracee.domain.get(); domain != nullptr; domain = domain->parent.get()) {
    if (domain == tracer.domain.get()) return true;
  }
  return false;
}

}  // namespace nestrace
