// wait4(2), waitid(2), waitpid(2).
//
// A wait is evaluated afresh each time against the table; nothing is remembered between two evaluations. Only
// what the caller's process traces is answered from here; its other children are the kernel's to report, and
// so are all errors of the arguments. Where both kinds match, whoever has a report is served first, in the
// kernel's order; if nobody has one, the caller sleeps in its notification until it is woken
// (wakeups.cc:Wake). A wait that was let go to the kernel before its caller had such a tracee is kicked out
// of there. The order in which candidates are looked at is that of kernel/exit.c:__do_wait: for each thread
// of the process, from the caller on, its children, oldest first, then what it traces, newest first.

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

namespace {

// struct rusage of the i386 ABI: every field is 32 bits.
void CompatUsage(const struct rusage& usage, int32_t out[18]) {
  const long fields[18] = {usage.ru_utime.tv_sec,  usage.ru_utime.tv_usec, usage.ru_stime.tv_sec,
                           usage.ru_stime.tv_usec, usage.ru_maxrss,        usage.ru_ixrss,
                           usage.ru_idrss,         usage.ru_isrss,         usage.ru_minflt,
                           usage.ru_majflt,        usage.ru_nswap,         usage.ru_inblock,
                           usage.ru_oublock,       usage.ru_msgsnd,        usage.ru_msgrcv,
                           usage.ru_nsignals,      usage.ru_nvcsw,         usage.ru_nivcsw};
  for (int i = 0; i < 18; ++i) out[i] = static_cast<int32_t>(fields[i]);
}

}  // namespace

// Nothing if the kernel would refuse the arguments: then it says so best itself.
std::optional<WaitSpec> Core::ParseWait(Thread* caller, const Notification& n) const {
  WaitSpec spec;
  spec.abi = n.abi;
  const CallKind kind = KindOf(n.abi, n.nr);
  int64_t number;
  int id_type;
  if (kind == CallKind::kWaitid) {
    id_type = static_cast<int>(n.args[0]);
    number = static_cast<int32_t>(n.args[1]);
    spec.waitid = true;
    spec.info = n.args[2];
    spec.flags = static_cast<uint32_t>(n.args[3]);
    spec.usage = n.args[4];
    if ((spec.flags &
         ~(kWnohang | kWuntraced | kWexited | kWcontinued | kWnowait | kWnothread | kWall | kWclone)) != 0) {
      return std::nullopt;
    }
    if ((spec.flags & (kWuntraced | kWexited | kWcontinued)) == 0) return std::nullopt;
    if (number < 0 || (number == 0 && id_type == kIdPid)) return std::nullopt;
  } else {
    number = static_cast<int32_t>(n.args[0]);
    spec.status = n.args[1];
    spec.flags = static_cast<uint32_t>(n.args[2]);
    if (kind == CallKind::kWait4) spec.usage = n.args[3];
    if ((spec.flags & ~(kWnohang | kWuntraced | kWcontinued | kWnothread | kWall | kWclone)) != 0)
      return std::nullopt;
    if (number == INT_MIN) return std::nullopt;
    spec.flags |= kWexited;
    id_type = number == -1 ? kIdAll : number > 0 ? kIdPid : kIdPgid;
    if (number < 0) number = -number;
  }
  switch (id_type) {
    case kIdAll:
      return spec;
    case kIdPid: {
      spec.who = WaitSpec::Who::kPid;
      const Thread* thread = FromGuest(*caller, static_cast<pid_t>(number));
      if (thread != nullptr) {
        spec.id = thread->tid.value;
      } else if (caller->pids.size() == 1) {
        spec.id = static_cast<pid_t>(number);
      } else {
        return std::nullopt;
      }
      return spec;
    }
    case kIdPgid: {
      spec.who = WaitSpec::Who::kPgid;
      if (number == 0) {
        spec.id = static_cast<pid_t>(kernel_->ProcessGroup(caller->tid));
      } else {
        spec.id = static_cast<pid_t>(number);
        spec.level = caller->pids.size() - 1;
      }
      return spec;
    }
    case kIdPidfd: {
      bool nonblocking = false;
      const long target = kernel_->PidfdTarget(caller->tid, static_cast<int>(number), &nonblocking);
      if (target < 0) return std::nullopt;
      spec.who = WaitSpec::Who::kPid;
      spec.id = static_cast<pid_t>(target);
      if (nonblocking && (spec.flags & kWnohang) == 0) {
        spec.flags |= kWnohang;
        spec.again = true;
      }
      return spec;
    }
    default:
      return std::nullopt;
  }
}

// Does `link` have something to report to this wait?
std::optional<WaitFinding> Core::Consider(Link* link, const WaitSpec& spec) const {
  if (link->state == Link::State::kExited) {
    if ((spec.flags & kWexited) != 0) return WaitFinding{WaitFinding::Kind::kExit, link};
    return std::nullopt;
  }
  if (link->trap_expected) return WaitFinding{WaitFinding::Kind::kExpected, link};
  // A stop that the tracee was killed out of is gone.
  if (link->state == Link::State::kStopped && !link->waited && InItsStop(*link->tracee))
    return WaitFinding{WaitFinding::Kind::kStop, link};
  if ((spec.flags & kWcontinued) != 0 && kernel_->WaitContinued(link->tracee->tid, true) == 1) {
    return WaitFinding{WaitFinding::Kind::kContinued, link};
  }
  return std::nullopt;
}

// Would a wait find that a child which its caller does not trace has stopped, or has been continued?
bool Core::HasUnwaitedStop(const Process& child, const WaitSpec& spec) const {
  // What ends the process replaces the signal of its group-stop.
  const bool asks = (spec.flags & kWuntraced) != 0 && child.stop_complete;
  if (asks && IsStopSignal(static_cast<int>(kernel_->GroupExitCode(child.tgid)))) return true;
  return (spec.flags & kWcontinued) != 0 && kernel_->WaitContinued(child.tgid, true) == 1;
}

// Children of its process that `tracer` has traced until they died, and that the kernel has for their parent
// now; newest tracees first.
std::vector<const Process*> Core::DeadTracees(const Thread& tracer) const {
  std::vector<const Process*> dead;
  for (const Process* child : tracer.process->children) {
    if (child->natural_zombie && child->zombie_tracer == &tracer && kernel_->Exists(child->tgid))
      dead.push_back(child);
  }
  std::sort(dead.begin(), dead.end(),
            [](const Process* a, const Process* b) { return a->zombie_number > b->zombie_number; });
  return dead;
}

// kernel/exit.c:eligible_pid.
bool Core::IsAmong(Tid child, const WaitSpec& spec) const {
  if (spec.who == WaitSpec::Who::kAny) return true;
  if (spec.who == WaitSpec::Who::kPid) return child.value == spec.id;
  if (spec.level == 0) return kernel_->ProcessGroup(child) == spec.id;
  ThreadFacts facts;
  return kernel_->ReadFacts(child, &facts) && facts.process_groups.size() > spec.level &&
         facts.process_groups[spec.level] == spec.id;
}

// kernel/exit.c:eligible_child, of a child that is not traced.
bool Core::IsEligible(const Process& child, const WaitSpec& spec) {
  return (spec.flags & kWall) != 0 || (child.exit_signal != SIGCHLD) == ((spec.flags & kWclone) != 0);
}

// The result of a wait that is the kernel's, where it would not sleep and has nothing to report. (It is
// interrupted before it comes to the kernel, where natively nothing interrupts it.)
std::optional<int64_t> Core::EmptyAnswer(const Thread& caller, const WaitSpec& spec) const {
  bool any = false;
  for (const Process* child : caller.process->children) {
    if ((spec.flags & kWnothread) != 0 && child->parent != &caller) continue;
    if (!IsAmong(child->tgid, spec) || !IsEligible(*child, spec)) continue;
    if (child->natural_zombie ? (spec.flags & kWexited) != 0 : HasUnwaitedStop(*child, spec))
      return std::nullopt;
    any |= !child->natural_zombie;
  }
  if (!any) return -ECHILD;
  if ((spec.flags & kWnohang) == 0) return std::nullopt;
  return spec.again ? -EAGAIN : 0;
}

bool Core::HasTracees(const Process& process) {
  return std::any_of(process.threads.begin(), process.threads.end(),
                     [](const Thread* member) { return !member->tracees.empty(); });
}

WaitFinding Core::Evaluate(Thread* caller, const WaitSpec& spec) {
  Process* process = caller->process;
  const bool own_only = (spec.flags & kWnothread) != 0;
  std::vector<const Process*> natural;  // the kernel's to report
  bool traced = false, expected = false, only_zombies = false;
  bool hidden = false;  // a group-stop that the caller is not to see
  const auto matches = [&](Tid tid) { return IsAmong(tid, spec); };
  std::vector<Thread*> members = {caller};
  if (!own_only) {
    members = process->threads;
    std::rotate(members.begin(), std::find(members.begin(), members.end(), caller), members.end());
  }
  const auto eligible = [&spec](const Process& child) { return IsEligible(child, spec); };
  // Would the kernel find another one first? (It would the children of all threads before a dead tracee that
  // is a child of another thread.)
  const auto comes_first = [&](const Process& child, bool before_stops) {
    for (const Thread* member : members) {
      for (const Process* other : process->children) {
        if (other->parent != member || !matches(other->tgid) || !eligible(*other)) continue;
        const bool stopped =
            before_stops && LinkToLeader(*other, process) == nullptr && HasUnwaitedStop(*other, spec);
        if (other->natural_zombie || stopped) return other == &child;
      }
    }
    return true;
  };
  // The call that WaitForChild() makes of the caller's needs no such help.
  const auto zombie = [&](const Process& child, bool before_stops = false) -> WaitFinding {
    const bool anothers = own_only && child.parent != caller;
    const bool helped = !eligible(child) || anothers || hidden || !comes_first(child, before_stops);
    return {WaitFinding::Kind::kReport, nullptr, helped ? &child : nullptr, true};
  };
  const auto stop = [&](const Process& child) -> WaitFinding {
    return {WaitFinding::Kind::kReport, nullptr, hidden ? &child : nullptr};
  };
  // A dead tracee comes behind the children that were looked at, and before the stops of others.
  const auto dead_tracee = [&](const Process& tracee) -> WaitFinding {
    for (const Process* child : natural) {
      if (HasUnwaitedStop(*child, spec)) return stop(*child);
    }
    return zombie(tracee, true);
  };
  const auto consider = [&](Link* link) -> std::optional<WaitFinding> {
    if (link->tracee->state == Thread::State::kExiting && (spec.flags & (kWexited | kWcontinued)) == 0 &&
        link->tracee->process->threads.size() > 1) {
      only_zombies = true;
      return std::nullopt;
    }
    if (link->state == Link::State::kExited && (spec.flags & kWexited) == 0) {
      only_zombies = true;
      return std::nullopt;
    }
    traced = true;
    std::optional<WaitFinding> finding = Consider(link, spec);
    if (finding.has_value() && finding->kind == WaitFinding::Kind::kExpected) {
      expected = true;
      return std::nullopt;
    }
    return finding;
  };
  // What a child of the kernel's has to report decides the order only if the caller has tracees. If another
  // thread could take it first, the caller would sleep, though a tracee has something for it.
  const bool traces = ((spec.flags & kWnohang) != 0 || process->threads.size() == 1) && HasTracees(*process);
  for (Thread* member : members) {
    for (size_t i = 0; i < process->children.size(); ++i) {
      Process* child = process->children[i];
      if (child->parent != member || !matches(child->tgid)) continue;
      if (child->natural_zombie) {
        if (!kernel_->Exists(child->tgid)) {
          if (!child->threads.empty()) continue;  // it is just being reaped
          DropProcess(child);
          --i;
          continue;
        }
        // wait_consider_task: without WEXITED it does not count as a child.
        if (eligible(*child) && (spec.flags & kWexited) != 0) return zombie(*child);
        continue;
      }
      Link* link = LinkToLeader(*child, process);
      if (!eligible(*child)) continue;  // a tracee all the same, below
      if (link == nullptr) {
        natural.push_back(child);
        if (traces && HasUnwaitedStop(*child, spec)) return stop(*child);
        continue;
      }
      hidden |= child->stop_complete && (spec.flags & kWuntraced) != 0;
      if (auto finding = consider(link)) return *finding;
    }
    // Among its tracees are zombies that were left to the kernel; to their tracer they are of every kind.
    const std::vector<const Process*> dead = DeadTracees(*member);
    auto next_dead = dead.begin();
    const auto find_dead = [&](uint64_t older_than) -> const Process* {
      for (; next_dead != dead.end() && (*next_dead)->zombie_number > older_than; ++next_dead) {
        if (matches((*next_dead)->tgid) && (spec.flags & kWexited) != 0) return *next_dead;
      }
      return nullptr;
    };
    for (Link* link : member->tracees) {
      if (const Process* found = find_dead(link->number)) return dead_tracee(*found);
      const Thread* tracee = link->tracee;
      if (!matches(tracee->tid)) continue;
      if (auto finding = consider(link)) return *finding;
    }
    if (const Process* found = find_dead(0)) return dead_tracee(*found);
  }
  if (!traced && only_zombies && natural.empty()) return {WaitFinding::Kind::kNoChild, nullptr};
  if (!traced) return {WaitFinding::Kind::kNative, nullptr};
  if (expected) return {WaitFinding::Kind::kExpected, nullptr};
  for (const Process* child : natural) {
    if (HasUnwaitedStop(*child, spec)) return stop(*child);
  }
  return {WaitFinding::Kind::kNothing, nullptr};
}

Outcome Core::Wait(Thread* caller, const Notification& n) {
  const std::optional<WaitSpec> spec = ParseWait(caller, n);
  if (!spec.has_value()) return Outcome::Continue();
  const WaitFinding finding = Evaluate(caller, *spec);
  switch (finding.kind) {
    case WaitFinding::Kind::kNative:
      return Outcome::Continue();
    case WaitFinding::Kind::kReport:
      if (finding.child != nullptr && TracesNoCalls(*caller)) return WaitForChild(caller, n, *finding.child);
      return Outcome::Continue(true);
    case WaitFinding::Kind::kStop:
      return AnswerStop(caller, *spec, finding.link);
    case WaitFinding::Kind::kExit:
      if (ServesParent(*finding.link)) {
        // It wanted no zombies when the child died, and does now: one that we took from the kernel would
        // stay.
        Process* parent = finding.link->tracer->process;
        parent->swallow_death_of = PidIn(parent->pids, finding.link->tracee->pids);
        Thread* tracee = finding.link->tracee;
        LeaveToParent(finding.link);
        Reap(tracee);
        return Wait(caller, n);
      }
      return AnswerExit(caller, *spec, finding.link);
    case WaitFinding::Kind::kContinued:
      return AnswerContinued(caller, *spec, finding.link);
    case WaitFinding::Kind::kExpected:
      return Outcome::Hold();
    case WaitFinding::Kind::kNoChild:
      return AnswerNothing(caller, *spec, -ECHILD);
    case WaitFinding::Kind::kNothing:
      break;
  }
  if ((spec->flags & kWnohang) == 0) return Outcome::Park();
  return AnswerNothing(caller, *spec, spec->again ? -EAGAIN : 0);
}

Outcome Core::AnswerStop(Thread* caller, const WaitSpec& spec, Link* link) {
  const pid_t pid = PidIn(caller->pids, link->tracee->pids);
  const long written = WriteWait(caller, spec, (link->code << 8) | 0x7f, CLD_TRAPPED, link->code, pid,
                                 spec.waitid ? UidIn(*caller, *link->tracee) : 0, link->usage);
  if (written == -EPERM) return Outcome::StopCaller();
  if (written == -ESRCH) return Outcome::Return(written);  // the caller is dead
  Outcome outcome = Outcome::ReturnThen(written < 0 ? written : (spec.waitid ? 0 : pid),
                                        [link, leave = spec.flags & kWnowait] {
                                          if (leave == 0) link->waited = true;
                                        });
  if (observer_ != nullptr) ObserveTaking(*caller, spec, *link, (link->code << 8) | 0x7f, &outcome);
  return outcome;
}

Outcome Core::AnswerExit(Thread* caller, const WaitSpec& spec, Link* link) {
  Thread* tracee = link->tracee;
  // A thread that has long ended shares the end of its process (kernel/exit.c:wait_task_zombie).
  ExitInfo now;
  const bool shares = !tracee->is_leader() && kernel_->PeekExit(tracee->tid, &now);
  const int status = shares ? EndOf(*tracee, now.status) : tracee->exit.status;
  const bool exited = (status & 0x7f) == 0;
  const int cld_code = exited ? CLD_EXITED : (status & 0x80) != 0 ? CLD_DUMPED : CLD_KILLED;
  const pid_t pid = PidIn(caller->pids, tracee->pids);
  const long written =
      WriteWait(caller, spec, status, cld_code, exited ? (status >> 8) & 0xff : status & 0x7f, pid,
                spec.waitid ? UidIn(*caller, *tracee) : 0, tracee->exit.usage);
  if (written == -EPERM) return Outcome::StopCaller();
  if (written == -ESRCH) return Outcome::Return(written);  // the caller is dead
  const int64_t result = written < 0 ? written : (spec.waitid ? 0 : pid);
  Outcome outcome = Outcome::ReturnThen(result, [this, link, tracee, leave = spec.flags & kWnowait] {
    if (leave != 0) return;
    const Process* parent = tracee->process->parent == nullptr ? nullptr : tracee->process->parent->process;
    Process* tracer = link->tracer->process;
    // To a parent that ignores SIGCHLD the kernel sends none (kernel/signal.c:do_notify_parent).
    const bool ignored = tracer->sigchld->action == SigchldDisposition::Action::kIgnore;
    if (tracee->links.size() == 1 && tracee->is_leader() && parent == tracer && !ignored) {
      tracer->swallow_death_of = PidIn(tracer->pids, tracee->pids);
    }
    RemoveLink(link, Observer::LinkEnd::kTraceeGone);
    ReportExit(tracee);
  });
  if (observer_ != nullptr) ObserveTaking(*caller, spec, *link, status, &outcome);
  return outcome;
}

Outcome Core::AnswerContinued(Thread* caller, const WaitSpec& spec, Link* link) {
  const Thread* tracee = link->tracee;
  const pid_t pid = PidIn(caller->pids, tracee->pids);
  const long written = WriteWait(caller, spec, 0xffff, CLD_CONTINUED, SIGCONT, pid,
                                 spec.waitid ? UidIn(*caller, *tracee) : 0, tracee->stop.usage);
  if (written == -EPERM) return Outcome::StopCaller();
  if (written == -ESRCH) return Outcome::Return(written);  // the caller is dead
  Outcome outcome = Outcome::ReturnThen(written < 0 ? written : (spec.waitid ? 0 : pid),
                                        [this, tid = tracee->tid, leave = spec.flags & kWnowait] {
                                          if (leave == 0) kernel_->WaitContinued(tid, false);
                                        });
  if (observer_ != nullptr) ObserveTaking(*caller, spec, *link, 0xffff, &outcome);
  return outcome;
}

// The observer is told when `outcome`, by which a wait takes a report, comes to pass.
void Core::ObserveTaking(const Thread& caller, const WaitSpec& spec, const Link& link, int status,
                         Outcome* outcome) const {
  const Observer::Taken taken = {.caller = caller.tid,
                                 .tracee = link.tracee->tid,
                                 .status = status,
                                 .left = (spec.flags & kWnowait) != 0};
  outcome->then = [this, taken, then = std::move(outcome->then)] {
    observer_->OnTaken(taken);
    then();
  };
}

// The wait is for this child, but the kernel would find another, or not this one: it does not know that the
// caller traces some. (To its tracer a zombie is of every kind, whichever thread is its parent, but
// the one we left to the kernel is the parent's, and such a child is found with __WCLONE, or without it, not
// with both. And the kernel would report a group-stop of a child that is a tracee, too.) The call is made for
// this child alone, if nobody sees the calls of its caller; and does not sleep for a stop that is over.
Outcome Core::WaitForChild(Thread* caller, const Notification& n, const Process& child) {
  if (caller->state != Thread::State::kStopped) return Outcome::StopCaller();
  const bool waitid = KindOf(n.abi, n.nr) == CallKind::kWaitid;
  const bool is64 = n.abi == Abi::kX86_64;
  const uint64_t id = PidIn(caller->pids, child.pids);
  const auto change = [&](uint64_t where, int argument, uint64_t value) {
    caller->changed_arguments.push_back({where, n.args[argument]});
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, where, value);
  };
  const auto options = [&](int argument) {
    caller->wnohang_added = !child.natural_zombie && (n.args[argument] & kWnohang) == 0;
    return (n.args[argument] & ~static_cast<uint64_t>(kWnothread)) | kWall |
           (caller->wnohang_added ? kWnohang : 0);
  };
  if (!waitid) {
    change(is64 ? kUserRdi : kUserRbx, 0, id);
    change(kUserRdx, 2, options(2));
  } else {
    change(is64 ? kUserRdi : kUserRbx, 0, kIdPid);
    change(is64 ? kUserRsi : kUserRcx, 1, id);
    change(is64 ? kUserR10 : kUserRsi, 3, options(3));
  }
  return Outcome::Continue(true);
}

// Another thread may have taken the zombie: then it is the call that the caller has made that counts.
void Core::EndChangedWait(Thread* thread) {
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return;
  const bool gone = static_cast<int64_t>(regs.rax) == -ECHILD;
  if (gone || (thread->wnohang_added && FoundNothing(thread, regs))) RewindCall(thread);
  thread->wnohang_added = false;
}

// `thread` has stopped behind a wait with WNOHANG.
bool Core::FoundNothing(Thread* thread, const struct user_regs_struct& regs) {
  if (regs.rax != 0) return false;
  const Abi abi = AbiOfCall(*thread);
  if (KindOf(abi, static_cast<int>(regs.orig_rax)) != CallKind::kWaitid) return true;
  if (regs.rdx == 0) return false;  // who knows; its caller does not want to
  int32_t pid = 0;
  ReadCaller(thread, regs.rdx + (abi == Abi::kX86_64 ? 16 : 12),
             absl::MakeSpan(reinterpret_cast<char*>(&pid), sizeof(pid)));
  return pid == 0;
}

// Nothing to report and no waiting: waitid clears the siginfo's fields.
Outcome Core::AnswerNothing(Thread* caller, const WaitSpec& spec, int64_t result) {
  if (spec.waitid) {
    const long written = WriteInfo(caller, spec, 0, 0, 0, 0, 0);
    if (written == -EPERM) return Outcome::StopCaller();
    if (written < 0) return Outcome::Return(-EFAULT);
  }
  return Outcome::Return(result);
}

// Writes what the call has asked for, in the kernel's order: what comes before a bad pointer is written (for
// wait4, the status; then, for both, the usage; kernel/exit.c). 0, -EFAULT, or -EPERM if the caller must be
// stopped first.
long Core::WriteWait(Thread* caller, const WaitSpec& spec, int status, int cld_code, int cld_status,
                     pid_t pid, uid_t uid, const struct rusage& usage) {
  long written = 0;
  if (spec.status != 0) {
    written = WriteCaller(caller, spec.status,
                          absl::MakeConstSpan(reinterpret_cast<const char*>(&status), sizeof(status)));
    if (written < 0) return written;
  }
  if (spec.usage != 0) {
    if (spec.abi == Abi::kX86_64) {
      written = WriteCaller(caller, spec.usage,
                            absl::MakeConstSpan(reinterpret_cast<const char*>(&usage), sizeof(usage)));
    } else {
      int32_t compat[18];
      CompatUsage(usage, compat);
      written = WriteCaller(caller, spec.usage,
                            absl::MakeConstSpan(reinterpret_cast<const char*>(compat), sizeof(compat)));
    }
    if (written < 0) return written;
  }
  return spec.waitid ? WriteInfo(caller, spec, SIGCHLD, cld_code, pid, uid, cld_status) : 0;
}

// The six fields that waitid(2) fills (kernel/exit.c); the rest of the siginfo is left alone.
long Core::WriteInfo(Thread* caller, const WaitSpec& spec, int signal, int code, pid_t pid, uid_t uid,
                     int status) {
  if (spec.info == 0) return 0;
  int32_t fields[7] = {signal, 0, code, 0, pid, static_cast<int32_t>(uid), status};
  const auto bytes = [&fields](size_t first, size_t count) {
    return absl::MakeConstSpan(reinterpret_cast<const char*>(fields + first), count * sizeof(int32_t));
  };
  if (spec.abi == Abi::kX86_64) {  // a hole behind si_code
    const long written = WriteCaller(caller, spec.info, bytes(0, 3));
    return written < 0 ? written : WriteCaller(caller, spec.info + 16, bytes(4, 3));
  }
  const long written = WriteCaller(caller, spec.info, bytes(0, 3));
  return written < 0 ? written : WriteCaller(caller, spec.info + 12, bytes(4, 3));
}

}  // namespace nestrace
