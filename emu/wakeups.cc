// Who sleeps in a wait, or in a call that we hold, and what wakes it.

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

// Something may have happened that those want to know who wait for the child `child` of `parent`, or for its
// tracee.
void Core::Wake(const Thread& parent, Tid child) {
  wakeups_.push_back({parent.process->tgid, parent.tid, child});
}

void Core::WakeParent(const Process& child) {
  if (child.parent != nullptr) Wake(*child.parent, child.tgid);
}

// As far as is known.
bool Core::IsInWait(const Thread& thread) {
  const Call& call = thread.call;
  const bool open = call.phase == Call::Phase::kPending || call.phase == Call::Phase::kContinued;
  return open && IsWait(KindOf(call.notification.abi, call.notification.nr));
}

// Is a thread of its parent's process in a wait?
bool Core::MayBeWaitedFor(const Process& child) {
  if (child.parent == nullptr) return false;
  const auto& threads = child.parent->process->threads;
  return std::any_of(threads.begin(), threads.end(), [](const Thread* thread) { return IsInWait(*thread); });
}

void Core::Reconsider(const Thread& tracer) { Wake(tracer, Tid{0}); }

bool Core::IsFor(const Wakeup& wakeup, Thread* waiter) const {
  const Call& call = waiter->call;
  if (call.phase == Call::Phase::kPending && call.held) return true;
  if (wakeup.child == Tid{0} || !IsWait(KindOf(call.notification.abi, call.notification.nr))) return false;
  const std::optional<WaitSpec> spec = ParseWait(waiter, call.notification);
  if (!spec.has_value()) return true;  // its pidfd is closed: the kernel shall say what that means
  if ((spec->flags & kWnothread) != 0 && wakeup.parent != waiter->tid) return false;
  const bool gone =
      spec->who == WaitSpec::Who::kPgid && !kernel_->Exists(wakeup.child);  // who knows its group
  return gone || IsAmong(wakeup.child, *spec);
}

// A waiter that was woken because of `child`.
void Core::LookAgain(Thread* waiter, Tid child) {
  Call& call = waiter->call;
  if (call.phase == Call::Phase::kPending) {
    Outcome outcome = Decide(waiter, call.notification);
    if (outcome.kind == Outcome::Kind::kPark) {
      call.held = outcome.value != 0;
    } else {
      Carry(waiter, std::move(outcome));
    }
    return;
  }
  const std::optional<WaitSpec> spec = ParseWait(waiter, call.notification);
  if (!spec.has_value()) return;  // in the kernel, which knows
  const WaitFinding finding = Evaluate(waiter, *spec);
  // The kernel wakes it for a zombie. But if another thread takes that, this one would sleep on, though a
  // tracee of theirs may have a report.
  const bool alone = waiter->process->threads.size() == 1 || !HasTracees(*waiter->process);
  const bool kernels = finding.kind == WaitFinding::Kind::kNative ||
                       (finding.kind == WaitFinding::Kind::kReport && finding.child == nullptr && alone);
  // With __WNOTHREAD the kernel does not wake the parent of a child that the supervisor traces.
  const bool sleeps_on = (spec->flags & kWnothread) != 0 && finding.kind == WaitFinding::Kind::kNative;
  if (kernels && !sleeps_on) return;
  if (finding.kind == WaitFinding::Kind::kNothing) {
    // A tracee that is no child to the kernel's wait would not keep that from ending with ECHILD.
    const Process* process = FindProcess(child);
    const bool own = process != nullptr && process->parent != nullptr &&
                     process->parent->process == waiter->process && IsEligible(*process, *spec);
    if (own) return;
  }
  const long blocked = kernel_->BlockedIn(waiter->tid);
  if (blocked >= 0 && blocked != call.notification.nr) {
    call.phase = Call::Phase::kNone;  // it has long returned
  } else {
    Kick(waiter);
  }
}

// Has those look again whom `wakeup` is for.
void Core::Serve(const Wakeup& wakeup, bool only_parked) {
  Process* process = FindProcess(wakeup.process);
  if (process == nullptr) return;
  const std::vector<Thread*> waiters = process->threads;
  for (Thread* waiter : waiters) {
    const auto& listed = process->threads;
    if (std::find(listed.begin(), listed.end(), waiter) == listed.end()) continue;
    if (waiter->state != Thread::State::kRunning || waiter->call.refused) continue;
    if (waiter->kicked || waiter->interrupt_coming) continue;
    const Call::Phase phase = waiter->call.phase;
    const bool parked = phase == Call::Phase::kPending && !waiter->call.held;
    if (only_parked ? !parked : phase != Call::Phase::kPending && phase != Call::Phase::kContinued) continue;
    if (IsFor(wakeup, waiter)) LookAgain(waiter, wakeup.child);
  }
}

void Core::Pump() {
  TakeDueStops();
  // Deciding a wait may reap, and reaping may wake others; so may a thread that is let go.
  for (RemoveDeparted(); !wakeups_.empty(); RemoveDeparted()) {
    const Wakeup wakeup = wakeups_.front();
    wakeups_.pop_front();
    Serve(wakeup, false);
  }
}

}  // namespace nestrace
