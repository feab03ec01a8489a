#include "tests/emu/guests.h"

#include <string.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace nestrace {

namespace {

constexpr int kNrWait4 = 61, kNrPtrace = 101, kNrWaitid = 247, kNrSigaction = 13;

Emulator::Options OptionsWith(bool nesting, Observer* observer, Interceptor* interceptor = nullptr) {
  Emulator::Options options;
  options.nesting = nesting;
  options.signal_cookie = kCookie;
  options.pass = kPass;
  options.supervisor = kSupervisor;
  options.observer = observer;
  options.interceptor = interceptor;
  return options;
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Waited& w) {
  if (w.result == kParked) return os << "parked";
  if (w.result == kNative) return os << "native";
  if (w.result == kVoid) return os << "interrupted";
  os << w.result;
  if (w.result <= 0) return os;
  if ((w.status & 0xff) == 0x7f) {
    os << " stopped by " << ((w.status >> 8) & 0xff);
    if ((w.status >> 16) != 0) os << ", event " << (w.status >> 16);
    return os;
  }
  return os << " status " << w.status;
}

Guests::Guests(bool nesting, Observer* observer) : emulator(&kernel, OptionsWith(nesting, observer)) {}
Guests::Guests(Interceptor* interceptor) : emulator(&kernel, OptionsWith(true, nullptr, interceptor)) {}

// --- births.

void Guests::Root(Tid tid) {
  kernel.Add({.tid = tid, .tgid = tid.value, .parent = 0});
  emulator.AddRoot(tid);
}

void Guests::NewProcess(Tid parent, Tid child, std::vector<NamespacedPid> pids) {
  kernel.Add(
      {.tid = child, .tgid = child.value, .parent = kernel.at(parent).facts.tgid, .pids = std::move(pids)});
  kernel.Stop(child, EventCode(kEventStop));
}

void Guests::NewThread(Tid sibling, Tid child) {
  const ThreadFacts& facts = kernel.at(sibling).facts;
  kernel.Add({.tid = child, .tgid = facts.tgid, .parent = facts.parent_tgid});
  kernel.Stop(child, EventCode(kEventStop));
}

void Guests::BirthEvent(Tid parent, Tid child, int event) { Event(parent, event, child.value); }

void Guests::FirstStop(Tid child) { Announce(child); }

void Guests::KilledInFork(Tid parent, pid_t child, uint64_t nr) {
  kernel.at(parent).regs.orig_rax = nr;
  kernel.at(parent).regs.rax = child;
  ExitEvent(parent, SIGKILL);
}

void Guests::Fork(Tid parent, Tid child) {
  NewProcess(parent, child);
  BirthEvent(parent, child);
  FirstStop(child);
}

void Guests::Clone(Tid sibling, Tid child) {
  NewThread(sibling, child);
  BirthEvent(sibling, child, kEventClone);
  FirstStop(child);
}

void Guests::Family() {
  Root(kShell);
  Fork(kShell, kTracer);
  Fork(kShell, kTracee);
}

// --- stops and ends.

void Guests::Announce(Tid tid) {
  struct rusage usage = {};
  usage.ru_minflt = tid.value;
  emulator.OnStop(tid, kernel.at(tid).code, usage);
}

void Guests::Signal(Tid tid, int signal) {
  siginfo_t info = {};
  info.si_signo = signal;
  info.si_code = SI_USER;
  info.si_pid = kShell.value;
  SignalWith(tid, info);
}

void Guests::SignalWith(Tid tid, const siginfo_t& info) {
  kernel.Stop(tid, info.si_signo, info);
  Announce(tid);
}

void Guests::DeliverQueued(Tid tid) {
  FakeThread& thread = kernel.at(tid);
  std::deque<siginfo_t>& queue =
      thread.queued.empty() ? kernel.process_queue(thread.facts.tgid) : thread.queued;
  ASSERT_FALSE(queue.empty()) << "no signal was queued to " << tid;
  const siginfo_t info = queue.front();
  queue.pop_front();
  SignalWith(tid, info);
}

void Guests::Trap(Tid tid) {
  kernel.Stop(tid, EventCode(kEventStop));
  Announce(tid);
}

void Guests::GroupStop(Tid tid, int signal) {
  kernel.Stop(tid, EventCode(kEventStop, signal));
  Announce(tid);
}

void Guests::SyscallEnter(Tid tid, int nr) {
  kernel.at(tid).regs.orig_rax = nr;
  kernel.at(tid).regs.rax = -ENOSYS;
  kernel.Stop(tid, kSysGoodCode, {}, 1);
  Announce(tid);
}

void Guests::SyscallExit(Tid tid, int64_t result) {
  kernel.at(tid).regs.rax = result;
  kernel.Stop(tid, kSysGoodCode, {}, 2);
  Announce(tid);
}

void Guests::Event(Tid tid, int event, uint64_t message) {
  kernel.Stop(tid, EventCode(event), {}, message);
  Announce(tid);
}

void Guests::ExitEvent(Tid tid, int status) { Event(tid, kEventExit, status); }

void Guests::Exit(Tid tid, int status) {
  kernel.BecomeZombie(tid);
  ExitInfo info;
  info.status = status;
  info.usage.ru_minflt = tid.value;
  emulator.OnExit(tid, info);
}

void Guests::Die(Tid tid, int status) {
  ExitEvent(tid, status);
  if (Runs(tid)) Exit(tid, status);
}

// --- calls.

Notification Guests::Receive(Notification call) {
  call = kernel.Notify(call);
  last_call_[call.tid.value] = call.id;
  emulator.OnReceived(call);
  return call;
}

Notification Guests::ReceiveAgain(Tid caller) {
  return Receive(kernel.notification(last_call_.at(caller.value)).call);
}

int64_t Guests::Call(Tid caller, int nr, std::vector<uint64_t> args, Abi abi) {
  Notification call;
  call.tid = caller;
  call.abi = abi;
  call.nr = nr;
  for (size_t i = 0; i < args.size(); ++i) call.args[i] = args[i];
  emulator.OnNotification(Receive(call));
  return ResultOf(caller);
}

int64_t Guests::Ptrace(Tid caller, long request, Tid target, uint64_t addr, uint64_t data) {
  return Call(caller, kNrPtrace,
              {static_cast<uint64_t>(request), static_cast<uint64_t>(target.value), addr, data});
}

Waited Guests::Wait(Tid caller, pid_t pid, uint32_t flags) {
  Call(caller, kNrWait4, {static_cast<uint64_t>(pid), kStatusAt, flags, 0});
  return WaitOf(caller);
}

int64_t Guests::Waitid(Tid caller, int id_type, pid_t id, uint32_t flags) {
  return Call(caller, kNrWaitid,
              {static_cast<uint64_t>(id_type), static_cast<uint64_t>(id), kInfoAt, flags, 0});
}

int64_t Guests::Sigaction(Tid caller, uint64_t handler, uint64_t flags) {
  Write(caller, kActionAt, std::array<uint64_t, 4>{handler, flags});
  const int64_t result = Call(caller, kNrSigaction, {SIGCHLD, kActionAt, 0, 8});
  kernel.at(caller).blocked_in = -1;
  return result;
}

int64_t Guests::Restart(Tid caller) {
  Notification call = kernel.notification(last_call_.at(caller.value)).call;
  if (call.abi == Abi::kX86_64) {
    const struct user_regs_struct& regs = kernel.at(caller).regs;
    const uint64_t args[] = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9};
    std::copy(std::begin(args), std::end(args), call.args);
  }
  emulator.OnNotification(Receive(call));
  return ResultOf(caller);
}

int64_t Guests::ResultOf(Tid caller) {
  const FakeNotification& notification = kernel.notification(last_call_.at(caller.value));
  if (notification.answer.has_value()) return *notification.answer;
  if (notification.refused.has_value()) return *notification.refused;
  if (notification.continued) return kNative;
  return notification.open ? kParked : kVoid;
}

bool Guests::WasRefused(Tid caller) {
  return kernel.notification(last_call_.at(caller.value)).refused.has_value();
}

Waited Guests::WaitOf(Tid caller) {
  const int64_t result = ResultOf(caller);
  return {result, result > 0 ? Read<int>(caller, kStatusAt) : 0};
}

Waited Guests::SettledWaitOf(Tid caller) {
  if (ResultOf(caller) == kParked && QueuedSigchlds(caller) != 0) DeliverQueued(caller);
  if (ResultOf(caller) != kVoid) return WaitOf(caller);
  return {Rax(caller), Rax(caller) > 0 ? Read<int>(caller, kStatusAt) : 0};
}

// --- looking.

siginfo_t Guests::SigInfo(Tid tracer, Tid tracee) {
  Write(tracer, kFree, siginfo_t{});
  EXPECT_EQ(Ptrace(tracer, kGetSigInfo, tracee, 0, kFree), 0);
  return Read<siginfo_t>(tracer, kFree);
}

size_t Guests::QueuedSigchlds(Tid tid) {
  size_t count = 0;
  for (const siginfo_t& info : kernel.process_queue(kernel.at(tid).facts.tgid)) {
    if (info.si_signo == SIGCHLD) ++count;
  }
  return count;
}

void EmuTest::SeizedAndStopped(uint64_t options, int signal) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  Signal(kTracee, signal);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, signal));
}

void EmuTest::AttachedAndStopped(int signal) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, signal);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, signal));
}

}  // namespace nestrace
