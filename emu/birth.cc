// Birth and exec.
//
// The parent's PTRACE_EVENT_FORK/VFORK/CLONE and the child's first PTRACE_EVENT_STOP come in either
// order. The child becomes a thread of the table at the parent's event; an earlier first stop waits in
// early_stops_ until then, or until it is known that no event comes (ClaimChild, AdoptOrphans).
// CLONE_UNTRACED, which would take the child from us, is taken out of the call and put back behind it.

#include <errno.h>
#include <signal.h>

#include <algorithm>

#include "emu/arguments.h"
#include "emu/core.h"

namespace nestrace {
namespace {

// The ABI of the call that makes a child: 64-bit code may use int $0x80.
Abi AbiOfBirth(const struct user_regs_struct& regs) {
  const bool is64 = regs.cs == kUser64Cs && MakesChild(Abi::kX86_64, static_cast<int>(regs.orig_rax));
  return is64 ? Abi::kX86_64 : Abi::kI386;
}

}  // namespace

// A child made with CLONE_UNTRACED would run without us. The flag is taken out of the call, and put back into
// the caller's register (clone) or memory (clone3) once the kernel has read it; nobody is told of the child.
// A thread that races the flag back into clone3's memory gets a child that is in no table: it runs, but its
// own tracing is refused.
Outcome Core::StripUntraced(Thread* caller, const Notification& n) {
  if (KindOf(n.abi, n.nr) == CallKind::kClone) {
    if ((n.args[0] & kCloneUntraced) == 0) return Outcome::Continue();
    if (caller->state != Thread::State::kStopped) return Outcome::StopCaller();
    caller->untraced_clone = true;  // its end is seen, whether or not a child is born
    caller->untraced_value = n.args[0];
    caller->untraced_where = n.abi == Abi::kX86_64 ? kUserRdi : kUserRbx;
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, caller->untraced_where,
                    n.args[0] & ~kCloneUntraced);
    return Outcome::Continue();
  }
  uint64_t flags = 0;
  auto bytes = absl::MakeSpan(reinterpret_cast<char*>(&flags), sizeof(flags));
  const long result = ReadCaller(caller, n.args[0], bytes);
  if (result == -EPERM) return Outcome::StopCaller();
  if (result < 0 || (flags & kCloneUntraced) == 0) return Outcome::Continue();
  if (caller->state != Thread::State::kStopped) return Outcome::StopCaller();
  const uint64_t stripped = flags & ~kCloneUntraced;
  const long written = WriteCaller(
      caller, n.args[0], absl::MakeConstSpan(reinterpret_cast<const char*>(&stripped), sizeof(stripped)));
  if (written == -EPERM) return Outcome::StopCaller();
  if (written < 0) return Outcome::Return(-EFAULT);
  caller->untraced_clone = true;
  caller->untraced_value = flags;
  caller->untraced_where = n.args[0];
  return Outcome::Continue();
}

// Is `n` a clone3(2) with CLONE_UNTRACED, as far as that can be told?
bool Core::MakesUntraced(Thread* caller, const Notification& n) {
  uint64_t flags = 0;
  const long result =
      ReadCaller(caller, n.args[0], absl::MakeSpan(reinterpret_cast<char*>(&flags), sizeof(flags)));
  return result != -EFAULT && (result < 0 || (flags & kCloneUntraced) != 0);
}

// `thread` (the caller of a stripped clone, or its new child) is stopped behind the call.
void Core::RestoreCloneFlags(Thread* thread, const Thread& caller) {
  if (KindOf(caller.call.notification.abi, caller.call.notification.nr) == CallKind::kClone3) {
    const uint64_t flags = caller.untraced_value;
    uint64_t now = 0;
    auto bytes = absl::MakeSpan(reinterpret_cast<char*>(&now), sizeof(now));
    // Memory that caller and child share is put back by the first of them.
    if (ReadCaller(thread, caller.untraced_where, bytes) < 0 || now != (flags & ~kCloneUntraced)) return;
    WriteCaller(thread, caller.untraced_where,
                absl::MakeConstSpan(reinterpret_cast<const char*>(&flags), sizeof(flags)));
  } else {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, caller.untraced_where, caller.untraced_value);
  }
}

// The call has failed; or it is still to be made, `thread` may do something else before, and it is stripped
// again.
void Core::PutUntracedBack(Thread* thread) {
  if (!thread->untraced_clone) return;
  RestoreCloneFlags(thread, *thread);
  thread->untraced_clone = false;
}

// What `parent`, stopped at the event of its new child, has asked for: SIGCHLD and no flags if that is not to
// be read.
Core::CloneArgs Core::ReadCloneArgs(Thread* parent) {
  CloneArgs args;
  struct user_regs_struct regs;
  if (!GetRegs(*parent, &regs)) return args;
  const Abi abi = AbiOfBirth(regs);
  const uint64_t first = RegisterAt(regs, PlaceOfArgument(abi, 0));
  const CallKind kind = KindOf(abi, static_cast<int>(regs.orig_rax));
  if (kind == CallKind::kClone) {
    args.flags = static_cast<uint32_t>(first);
    args.exit_signal = static_cast<int>(first & 0xff);
  } else if (kind == CallKind::kClone3) {
    uint64_t fields[5] = {0, 0, 0, 0, SIGCHLD};  // of struct clone_args, from flags to exit_signal
    ReadCaller(parent, first, absl::MakeSpan(reinterpret_cast<char*>(fields), sizeof(fields)));
    args.flags = fields[0];
    args.exit_signal = static_cast<int>(fields[4]);
  }
  return args;
}

// What AddThread wants to know of the new child `tid` of `parent`. In a process of the supervisor's own pid
// namespace, all is known of a new thread of the same process.
ThreadFacts Core::FactsOfChild(const Thread& parent, Tid tid) {
  ThreadFacts facts;
  const Tid tgid = parent.process->tgid;
  const bool same_process = parent.pids.size() == 1 && kernel_->SendSignal(tgid, tid, 0) != -ESRCH;
  if (!same_process && kernel_->ReadFacts(tid, &facts)) return facts;
  facts.tgid = same_process ? tgid.value : tid.value;
  facts.parent_tgid = tgid.value;
  facts.pids = {{0, tid.value}};
  return facts;
}

// `parent` is stopped at the event of its new child `tid`.
void Core::OnBirth(Thread* parent, Tid tid, int event) {
  if (const Thread* known = Find(tid); known != nullptr) {
    parent->child_pids = known->pids;
    return;
  }
  Thread* child = AddThread(tid, FactsOfChild(*parent, tid), parent, event);
  parent->child_pids = child->pids;
  const CloneArgs clone = ReadCloneArgs(parent);
  if (child->is_leader()) {
    // kernel/fork.c:copy_process.
    const bool inherits = (clone.flags & kCloneParent) != 0;
    child->process->exit_signal = inherits ? parent->process->exit_signal : clone.exit_signal;
    if ((clone.flags & kCloneSighand) != 0) child->process->sigchld = parent->process->sigchld;
    if ((clone.flags & kCloneClearSighand) != 0) child->process->sigchld->Flush();
  }
  const bool untraced = parent->untraced_clone;
  if (untraced) {
    RestoreCloneFlags(parent, *parent);
    child->untraced_clone = true;
    child->untraced_value = parent->untraced_value;
    child->untraced_where = parent->untraced_where;
    child->call.notification = parent->call.notification;  // says which call the flags belong to
  }
  if (parent->noted) {  // its call has passed the filter, with an argument that both have now
    child->changed_arguments = parent->changed_arguments;
    child->noted = true;
    PutArgumentsBack(parent);
  }
  for (const auto& link : parent->links) {
    const bool by_event = !untraced && (link->options & (1ull << event)) != 0;
    if (!by_event && (clone.flags & kClonePtrace) == 0) continue;
    Link* inherited = AddLink(link->tracer, child, child->links.size(), Observer::LinkOrigin::kInherited,
                              link->seized, link->options);
    inherited->accesses_memory = link->accesses_memory;
    // Its first stop: PTRACE_EVENT_STOP of a seized child, SIGSTOP of any other.
    if (inherited->seized) {
      inherited->interrupt_pending = true;
    } else {
      child->owes_sigstop = inherited->sigstop_due = true;
    }
  }
  const auto early = early_stops_.find(tid);
  if (early != early_stops_.end()) {
    const RawStop stop = early->second;
    early_stops_.erase(early);
    OnFirstStop(child, stop.code, stop.usage);
  }
  const auto gone = early_exits_.find(tid);
  if (gone != early_exits_.end()) {
    const ExitInfo info = gone->second;
    early_exits_.erase(gone);
    OnExit(tid, info);
  }
}

// A thread that is killed inside fork or clone may die without the event of the child it made: ptrace_stop()
// does not stop for a thread with a fatal signal. (So it is with those whose process executes, or ends.) Its
// child would wait for that event for ever. At its PTRACE_EVENT_EXIT, `dying` still holds the child's number.
void Core::ClaimChild(Thread* dying) {
  struct user_regs_struct regs;
  if (!GetRegs(*dying, &regs)) return;
  const int number = static_cast<int>(regs.rax);
  const int nr = static_cast<int>(regs.orig_rax);
  const Abi abi = AbiOfBirth(regs);
  if (number <= 0 || !MakesChild(abi, nr)) return;
  if (abi == Abi::kI386 && regs.cs == kUser64Cs && InstructionBefore(*dying, regs.rip, kSyscallInstruction))
    return;  // another call, that has the number of one
  const Tid tid = TidOf(*dying, number);
  ThreadFacts facts, own;
  if (Find(tid) != nullptr || !kernel_->ReadFacts(tid, &facts) || !kernel_->ReadFacts(dying->tid, &own))
    return;
  if (facts.tracer != own.tracer) return;  // announced and gone, or none of ours (see StripUntraced)
  // kernel/fork.c:kernel_clone.
  const CloneArgs args = ReadCloneArgs(dying);
  const bool vfork = (args.flags & kCloneVfork) != 0 || nr == (abi == Abi::kX86_64 ? 58 : 190);
  OnBirth(dying, tid, vfork ? kEventVfork : args.exit_signal == SIGCHLD ? kEventFork : kEventClone);
}

// Can `thread` still come to the event that announces a child it has made?
bool Core::MayAnnounce(const Thread& thread) const {
  if (thread.state != Thread::State::kRunning) return false;
  if (!lost_exit_event_) return true;
  const int nr = static_cast<int>(kernel_->BlockedIn(thread.tid));
  return nr < 0 || MakesChild(Abi::kX86_64, nr) || MakesChild(Abi::kI386, nr);
}

// Is there a process whose event may still tell of the new thread `tid`?
bool Core::MayBeAnnounced(Tid tid, const ThreadFacts& facts) const {
  if (facts.parent_tgid == options_.supervisor) return true;
  const Process* process = FindProcess(Tid{facts.tgid == tid.value ? facts.parent_tgid : facts.tgid});
  return process != nullptr && std::any_of(process->threads.begin(), process->threads.end(),
                                           [this](const Thread* thread) { return MayAnnounce(*thread); });
}

bool Core::IsOrphan(Tid tid, ThreadFacts* facts) const {
  return kernel_->ReadFacts(tid, facts) && !MayBeAnnounced(tid, *facts);
}

// Threads that have made their first stop, or died, and that no parent has announced. If there is none any
// more that could, they are taken in without: a thread that was killed twice, first by another's execve(2),
// makes no PTRACE_EVENT_EXIT (see ClaimChild).
void Core::AdoptOrphans() {
  ThreadFacts facts;
  for (const Tid tid : UnannouncedThreads()) {
    const auto early = early_stops_.find(tid);  // another may have claimed it
    if (early == early_stops_.end() || !IsOrphan(tid, &facts)) continue;
    const RawStop stop = early->second;
    early_stops_.erase(early);
    OnFirstStop(AddThread(tid, facts, nullptr, 0), stop.code, stop.usage);
  }
  const auto dead = early_exits_;
  for (const auto& [tid, info] : dead) {
    if (!early_exits_.contains(tid) || (Find(tid) == nullptr && !IsOrphan(tid, &facts))) continue;
    early_exits_.erase(tid);
    OnExit(tid, info);
  }
}

void Core::OnFirstStop(Thread* child, int code, const struct rusage& usage) {
  SetState(child, Thread::State::kStopped);
  child->stop = Stop();
  child->stop.usage = usage;
  child->stop.code = code;
  const StopCode decoded = StopCode::Decode(code);
  child->stop.kind = decoded.kind;
  child->stop.event = decoded.event;
  if (observer_ != nullptr) observer_->OnStop({.tid = child->tid, .code = code});
  if (decoded.event != kEventStop) {  // killed before it ran
    HandleStop(child);
    return;
  }
  if (child->untraced_clone) {
    RestoreCloneFlags(child, *child);
    child->untraced_clone = false;
    child->call = Call();
  }
  if (child->noted) PutArgumentsBack(child);
  NoteGroupStop(child);  // it takes part in one (kernel/signal.c:task_join_group_stop)
  child->stop.news = true;
  for (auto it = child->links.rbegin(); it != child->links.rend(); ++it) {
    if (!(*it)->interrupt_pending && child->stop.kind != StopKind::kGroupStop) continue;
    (*it)->interrupt_pending = false;  // this is the stop that it stands for
    child->stop.ahead.push_back(it->get());
  }
  if (child->owes_sigstop) QueueSignal(child, SIGSTOP, kSignalAutoAttach);
  child->owes_sigstop = false;
  Advance(child);
}

// `caller` has the number of its leader, which is gone.
void Core::TakeNumber(Thread* leader, Thread* caller) {
  const Tid tgid = leader->tid;
  caller->pids = leader->pids;
  for (const auto& link : leader->links)
    Wake(*link->tracer, caller->tid);  // the numbers are exchanged by now
  KeepSignals(*leader);
  RemoveThread(leader);
  const auto it = threads_.find(caller->tid);
  std::unique_ptr<Thread> owned = std::move(it->second);
  threads_.erase(it);
  caller->tid = tgid;
  threads_[tgid] = std::move(owned);
}

// A leader that is past PTRACE_EVENT_EXIT has stopped: it is the last of its threads, whose execve(2) has
// failed when the others were dead, and which dies without PTRACE_EVENT_EXEC. Null if it is not so.
Thread* Core::CallerOfFailedExec(const Thread& leader) const {
  if (leader.state != Thread::State::kExiting) return nullptr;
  for (Thread* member : leader.process->threads) {
    if (member->state == Thread::State::kRunning) return member;
  }
  return nullptr;
}

// PTRACE_EVENT_EXEC is reported by the thread that now is the leader. If another thread made the call, the
// old leader and all others are gone (de_thread(), fs/exec.c): the caller takes the leader's number.
void Core::OnExec(Thread* thread, uint64_t old_tid) {
  Thread* caller = Find(Tid{static_cast<pid_t>(old_tid)});
  if (caller != nullptr && caller != thread) {
    SetState(caller, thread->state);
    caller->stop = thread->stop;
    caller->stop.holder = nullptr;
    caller->stop.ahead.clear();
    caller->stop.steppers.clear();
    caller->kicked =
        thread->kicked;  // the event has ended a kick of the caller; HandleStop may have made one
    TakeNumber(thread, caller);
    thread = caller;
  }
  if (observer_ != nullptr) {
    observer_->OnExec({.tid = thread->tid, .old_tid = Tid{static_cast<pid_t>(old_tid)}});
  }
  // Whatever was under way with its old self is over.
  thread->call = Call();
  thread->interrupt_coming = thread->wait_interrupted = false;
  thread->filter_event = false;
  thread->past_filter.reset();
  thread->injection.reset();
  thread->doubt.reset();
  thread->changed_arguments.clear();
  thread->timeout.reset();
  thread->moving.reset();
  thread->changed_call.reset();
  thread->owed.reset();
  thread->behind_syscall = thread->ended_at = 0;
  thread->going_on.reset();
  thread->process->breakpoints.clear();
  thread->process->closed = false;
  for (const auto& link : thread->links) link->sets_debug_registers = false;
  thread->process->exit_signal = SIGCHLD;  // fs/exec.c:de_thread
  ++thread->process->exec_id;
  auto& sigchld = thread->process->sigchld;
  sigchld = std::make_shared<SigchldDisposition>(*sigchld);  // fs/exec.c:unshare_sighand
  sigchld->Flush();
  for (const auto& link : thread->links) {
    if ((link->options & kOptTraceExec) != 0) continue;  // it is stopped, and says how to go on
    // The new program begins without TF, and under PTRACE_SYSEMU the end of execve(2) does not trap
    // (kernel/entry/common.c:report_single_step).
    if (link->mode == ResumeMode::kSysemuSingleStep) link->mode = ResumeMode::kSysemu;
    if (link->seized) continue;
    link->sigtrap_due = true;
    QueueSignal(thread, SIGTRAP, kSignalExec);
  }
}

}  // namespace nestrace
