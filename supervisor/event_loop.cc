#include "supervisor/event_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "emu/stop.h"
#include "supervisor/filter.h"
#include "supervisor/guarded.h"

namespace nestrace {
namespace {

// So many stops in a row are handled before notifications are looked at again, lest one guest that stops
// endlessly keeps all others waiting.
constexpr int kStopsPerRound = 64;

constexpr const char* kCallbacks = "an Observer, Decision::WhenTaken or Options::on_job_state";

bool EndsRun(int signal) {
  return signal == SIGINT || signal == SIGQUIT || signal == SIGTERM || signal == SIGHUP;
}

absl::StatusOr<UniqueFd> OpenSigchld() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.ok()) return absl::ErrnoToStatus(errno, "signalfd()");
  return fd;
}

// So many more must be possible: of what could not be opened in the middle of a run, it would look as if the
// guest were gone.
absl::Status CheckDescriptors(int any) {
  constexpr int kNeeded = 16;
  std::vector<UniqueFd> descriptors;
  for (int i = 0; i < kNeeded; ++i) {
    descriptors.emplace_back(fcntl(any, F_DUPFD_CLOEXEC, 0));
    if (!descriptors.back().ok()) {
      return absl::ErrnoToStatus(errno, absl::StrCat("the limit of open files (RLIMIT_NOFILE) leaves ", i,
                                                     " descriptors of the ", kNeeded, " needed"));
    }
  }
  return absl::OkStatus();
}

uint64_t RandomNumber() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0) {
    number = static_cast<uint64_t>(getpid()) * 0x9e3779b97f4a7c15u;
  }
  return number;
}

// Fills in what only the supervisor knows.
Supervisor::Options Complete(Supervisor::Options options, uint64_t pass, PolicyInterceptor* interceptor) {
  options.emulator.interceptor = interceptor;
  options.emulator.supervisor = getpid();
  options.emulator.signal_cookie = static_cast<uint32_t>(RandomNumber());
  options.emulator.pass = pass;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Start(const Command& command, const Options& options,
                                                            std::unique_ptr<PolicyInterceptor> interceptor) {
  if (absl::Status status = Listener::Probe(); !status.ok()) return status;
  absl::StatusOr<ProcFs> proc = ProcFs::Open();
  if (!proc.ok()) return proc.status();
  FilterSpec spec;
  spec.pass = RandomNumber();
  if (interceptor != nullptr) {
    const absl::StatusOr<bool> new_calls =
        Guarded("Policy::NewCallsAreEnosys()",
                [&]() -> absl::StatusOr<bool> { return options.policy->NewCallsAreEnosys(); });
    if (!new_calls.ok()) return new_calls.status();
    spec.calls = interceptor->calls();
    spec.new_calls_are_enosys = *new_calls;
  }
  absl::StatusOr<FilterProgram> filter = FilterProgram::Build(spec);
  if (!filter.ok()) return filter.status();
  absl::StatusOr<UniqueFd> sigchld = OpenSigchld();
  if (!sigchld.ok()) return sigchld.status();
  if (absl::Status status = CheckDescriptors(sigchld->get()); !status.ok()) return status;
  absl::StatusOr<Launch> launch = Launch::Fork(command, *filter, options.inherited);
  if (!launch.ok()) return launch.status();

  const Options complete = Complete(options, spec.pass, interceptor.get());
  std::unique_ptr<EventLoop> loop(new EventLoop(*std::move(proc), *std::move(sigchld), *std::move(launch),
                                                complete, std::move(interceptor)));
  absl::Status seized;
  const absl::Status callbacks = Guarded(kCallbacks, [&] {
    seized = loop->Seize();
    return absl::OkStatus();
  });
  if (!callbacks.ok()) return callbacks;
  if (!seized.ok()) return seized;
  return loop;
}

EventLoop::EventLoop(ProcFs proc, UniqueFd sigchld, Launch launch, const Options& options,
                     std::unique_ptr<PolicyInterceptor> interceptor)
    : options_(options),
      interceptor_(std::move(interceptor)),
      proc_(std::move(proc)),
      sigchld_(std::move(sigchld)),
      launch_(std::move(launch)),
      program_(launch_.tid()),
      kernel_(&proc_, &waiter_),
      emulator_(&kernel_, options.emulator),
      forwarder_(program_, options.signals.process) {}

EventLoop::~EventLoop() { End(); }

absl::Status EventLoop::Seize() {
  if (syscall(SYS_ptrace, PTRACE_SEIZE, program_.value, 0, Emulator::kRealOptions) < 0) {
    const int error = errno;
    kill(program_.value, SIGKILL);  // it waits for Go(), and is no guest yet
    waitpid(program_.value, nullptr, __WALL);
    const char* reason = error == EPERM ? "nestrace is traced itself, or ptrace(2) is forbidden here: " : "";
    return absl::ErrnoToStatus(error, absl::StrCat(reason, "ptrace(PTRACE_SEIZE, pid=", program_.value, ")"));
  }
  // Not before: the child has our memory until it executes PROGRAM, and one that is not dumpable could not
  // have been seized.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  emulator_.AddRoot(program_);
  PassOnEarlySignals();
  return launch_.Go();
}

// A Ctrl-C of the moment when nestrace was there but PROGRAM was not. PROGRAM has everything blocked until it
// is executed, so a signal that it got as well merges with ours.
void EventLoop::PassOnEarlySignals() {
  std::vector<int> signals = options_.signals.early;
  TakeTerminalSignals(false, &signals);
  for (int signal : signals) kill(program_.value, signal);
}

absl::StatusOr<Result> EventLoop::Run() {
  const absl::Status callbacks = Guarded(kCallbacks, [this] {
    status_ = RunToEnd();
    return absl::OkStatus();
  });
  if (!callbacks.ok()) status_ = callbacks;
  End();
  if (!status_.ok()) return status_;
  if (!result_.has_value()) return absl::InternalError("PROGRAM was lost");
  return *result_;
}

// Whoever is left is killed, once.
void EventLoop::End() {
  if (emulator_.thread_count() > 0 && !no_children_ && !ended_) KillGuests();
  ended_ = true;
}

absl::Status EventLoop::RunToEnd() {
  while (emulator_.thread_count() > 0 && !no_children_ && !ending_) {
    pollfd fds[] = {
        {sigchld_.get(), POLLIN, 0},
        {listener_.has_value() ? listener_->fd() : -1, POLLIN, 0},
        {launching_ ? launch_.fd() : -1, POLLIN, 0},
        {options_.signals.fd, POLLIN, 0},
        {kernel_.slow_memory_fd(), POLLIN, 0},
    };
    const bool busy = waits_pending_ || !callers_.empty() || tracer_answered_;
    const int ready = poll(fds, std::size(fds), busy ? 0 : -1);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, "poll()");
    }
    // A tracer that was answered waits for our processor (SYNC_WAKE_UP); with more to do we would keep it for
    // a whole time slice.
    if (std::exchange(tracer_answered_, false)) {
      if (ready == 0 && !waits_pending_ && callers_.empty()) continue;
      sched_yield();
    }
    HandleRound((fds[0].revents & POLLIN) != 0, fds[2].revents != 0, (fds[3].revents & POLLIN) != 0,
                (fds[1].revents & POLLIN) != 0, (fds[4].revents & POLLIN) != 0);
    if (interceptor_ != nullptr && !interceptor_->status().ok()) return interceptor_->status();
    if (!status_.ok()) return status_;
    // No task has the filter any more. What is left are zombies.
    if ((fds[1].revents & (POLLIN | POLLHUP)) == POLLHUP) {
      kernel_.set_listener(nullptr);
      callers_.clear();
      received_of_tracers_.clear();
      received_.clear();
      listener_.reset();
    }
  }
  // The child's end may have been seen before its last words.
  while (launching_ && HandleLaunch()) {
  }
  return status_;
}

// Stops come first: a guest's notification can only be later than the stop it was resumed from, and than what
// it has seen of others in /proc. There a stop shows before SIGCHLD tells us.
void EventLoop::HandleRound(bool sigchld, bool launch, bool signals, bool notification, bool memory) {
  if (notification) ReceiveNotifications();
  const bool told = sigchld || signals || waits_pending_;
  if (told || (!callers_.empty() && HandleStopsBeforeCalls())) DrainWaits();
  if (launch) HandleLaunch();
  if (signals) HandleSignals();
  if (memory) HandleMemory();
  HandleNotifications();
}

bool EventLoop::HandleLaunch() {
  LaunchNews news = launch_.Receive();
  switch (news.kind) {
    case LaunchNews::Kind::kNothing:
      return false;
    case LaunchNews::Kind::kListener: {
      absl::StatusOr<Listener> listener = Listener::Adopt(std::move(news.listener));
      if (!listener.ok()) {
        status_ = listener.status();
        return true;
      }
      listener_.emplace(*std::move(listener));
      kernel_.set_listener(&*listener_);
      return true;
    }
    case LaunchNews::Kind::kExecuted:
      break;
    case LaunchNews::Kind::kNoExec:
      result_ = Result::NotStarted(news.error);
      break;
    case LaunchNews::Kind::kFailed:
      status_ = news.status;
      break;
  }
  launching_ = false;
  return true;
}

void EventLoop::HandleSignals() {
  signalfd_siginfo info;
  if (read(options_.signals.fd, &info, sizeof(info)) != sizeof(info)) return;
  if (info.ssi_code <= 0 && IsGuest(Tid{static_cast<pid_t>(info.ssi_pid)})) return;
  if (result_.has_value() && EndsRun(static_cast<int>(info.ssi_signo))) {
    ending_ = true;
    return;
  }
  forwarder_.Forward(info);
}

bool EventLoop::IsGuest(Tid tid) const {
  return emulator_.AppearanceOf(tid).has_value() || forwarder_.HasJustEnded(tid);
}

void EventLoop::ReceiveNotifications() {
  if (!listener_.has_value()) return;
  pollfd more = {listener_->fd(), POLLIN, 0};
  do {
    Notification notification;
    if (!listener_->Receive(&notification)) continue;
    DropNotificationOf(notification.tid);  // it was interrupted, with nothing to stop for
    emulator_.OnReceived(notification);
    callers_.insert(notification.tid);
    (emulator_.IsTracer(notification.tid) ? received_of_tracers_ : received_).push_back(notification);
  } while (poll(&more, 1, 0) > 0 && (more.revents & POLLIN) != 0);
}

// `tid` is not in its call any more.
void EventLoop::DropNotificationOf(Tid tid) {
  if (callers_.erase(tid) == 0) return;
  for (std::deque<Notification>* queue : {&received_of_tracers_, &received_}) {
    const auto found =
        std::find_if(queue->begin(), queue->end(), [tid](const Notification& n) { return n.tid == tid; });
    if (found == queue->end()) continue;
    emulator_.OnVoided(*found);
    queue->erase(found);
  }
}

// All calls of tracers, and one of the others: of many guests that make calls again and again, each would be
// before a tracer, at each of its calls.
void EventLoop::HandleNotifications() {
  const auto handle_first = [this](std::deque<Notification>* queue) {
    const Notification notification = queue->front();
    queue->pop_front();
    callers_.erase(notification.tid);
    HandleNotification(notification);
  };
  tracer_answered_ = !received_of_tracers_.empty();
  while (!received_of_tracers_.empty()) handle_first(&received_of_tracers_);
  if (!received_.empty()) handle_first(&received_);
}

void EventLoop::HandleNotification(const Notification& notification) {
  if (notification.abi == Abi::kI386) kernel_.NoteI386Call();
  const uint64_t reaped = kernel_.reaped();
  emulator_.OnNotification(notification);
  DrainIfReaped(reaped);
}

void EventLoop::HandleMemory() {
  const uint64_t reaped = kernel_.reaped();
  for (Tid tid : kernel_.FinishedAccesses()) emulator_.OnMemory(tid);
  DrainIfReaped(reaped);
}

// A thread that was reaped may have been the last that kept its leader from being waitable; no SIGCHLD says
// so if the leader's exit signal is another. `before`: how many had been.
void EventLoop::DrainIfReaped(uint64_t before) {
  if (kernel_.reaped() != before) DrainWaits();
}

void EventLoop::DrainWaits() {
  signalfd_siginfo unused[4];
  while (read(sigchld_.get(), unused, sizeof(unused)) > 0) {
  }
  waits_pending_ = false;
  emulator_.OnSigchld();
  for (int rounds = 0; !waits_pending_;) {
    const bool stopped = HandleStops();
    const bool exited = HandleExits();
    if (!stopped && !exited) break;
    if (++rounds == kStopsPerRound) waits_pending_ = true;
  }
  if (!waits_pending_) emulator_.OnDrained();
}

// The kernel does not tell which stop was first. SIGCHLD comes of what has become of another: that is first.
bool EventLoop::HandleStops() {
  std::vector<StopEvent> told;
  StopEvent stop;
  int count = 0;
  for (; count < kStopsPerRound; ++count) {
    const Waited waited = waiter_.NextStop(&stop);
    if (waited != Waited::kFound) break;
    const auto before = std::find_if(told.begin(), told.end(),
                                     [&stop](const StopEvent& other) { return other.tid == stop.tid; });
    if (before != told.end()) {  // it has been executed under this number since
      HandleStop(*before);
      told.erase(before);
    }
    if (stop.code == SIGCHLD) {
      told.push_back(stop);
    } else {
      HandleStop(stop);
    }
  }
  for (const StopEvent& late : told) HandleStop(late);
  if (count == kStopsPerRound) waits_pending_ = true;
  return count > 0;
}

// Asked for any stop, the kernel looks at each thread that we trace, and a tracer of many makes a thousand
// calls while all of them are stopped. So those are asked that may have stopped, if they are few. One that is
// killed in its stop is none of them, but goes no further than PTRACE_EVENT_EXIT without us; and nobody can
// count on its being there but who traces it, whose waits may be for any, and whose requests are about one.
bool EventLoop::HandleStopsBeforeCalls() {
  constexpr size_t kThreadsForOneCall = 5;  // that the kernel looks at, while it is asked for one more
  const size_t asked = emulator_.may_stop_count() + received_of_tracers_.size();
  if (!received_.empty() || emulator_.thread_count() < kThreadsForOneCall * asked) return HandleStops();
  std::vector<Tid> tids = emulator_.ThreadsThatMayStop();
  for (const Notification& call : received_of_tracers_) {
    tids.push_back(emulator_.TraceeOf(call));
    if (tids.back() == Tid{0}) return HandleStops();
  }
  return waiter_.MayHaveStopped(tids) && HandleStops();
}

void EventLoop::HandleStop(const StopEvent& stop) {
  if (stop.code > 0 && stop.code < NSIG) forwarder_.NoteSignalStop(stop.tid, stop.code);
  NoteJobState(stop.tid, stop.code);
  DropNotificationOf(stop.tid);
  emulator_.OnStop(stop.tid, stop.code, stop.usage);
}

bool EventLoop::HandleExits() {
  std::erase_if(unclaimed_, [this](Tid tid) {
    ExitEvent exit;
    return waiter_.PeekExitOf(tid, &exit) != Waited::kFound;
  });
  if (emulator_.held_zombies() == 0 && unclaimed_.empty()) return HandleAnyExit();
  return HandleExitsWhileHeld();
}

bool EventLoop::HandleAnyExit() {
  ExitEvent exit;
  const Waited waited = waiter_.PeekExit(&exit);
  no_children_ = waited == Waited::kNoChildren;
  if (waited != Waited::kFound) return waited == Waited::kStopFirst;
  HandleExit(exit.tid, exit.info);
  return true;
}

// P_ALL would find a zombie that stays one again and again, and hide the others.
bool EventLoop::HandleExitsWhileHeld() {
  bool found = false;
  for (Tid tid : emulator_.LiveThreads()) {
    ExitEvent exit;
    if (emulator_.IsHeld(tid)) continue;
    const Waited waited = waiter_.PeekExitOf(tid, &exit);
    if (waited == Waited::kFound) HandleExit(tid, exit.info);
    found = found || waited == Waited::kFound || waited == Waited::kStopFirst;
  }
  return found;
}

void EventLoop::HandleExit(Tid tid, const ExitInfo& info) {
  if (tid == program_) {
    if (!result_.has_value()) result_ = Result::FromWaitStatus(info.status);
    ending_ = ending_ || options_.end_with_program;
  }
  forwarder_.NoteEnd(tid);
  const uint64_t reaped = kernel_.reaped();
  DropNotificationOf(tid);
  emulator_.OnExit(tid, info);
  if (kernel_.reaped() == reaped && !emulator_.IsHeld(tid)) unclaimed_.push_back(tid);
}

// Kills all guests and sees them die. The emulation has no part in it: of two tracers that trace one another,
// each would wait at its PTRACE_EVENT_EXIT for the other.
void EventLoop::KillGuests() {
  std::vector<Tid> guests = emulator_.LiveThreads();
  // A thread whose creator is killed may be at its PTRACE_EVENT_EXIT already, and nobody announces it any
  // more.
  for (Tid tid : emulator_.UnannouncedThreads()) guests.push_back(tid);
  for (Tid tid : guests) kill(tid.value, SIGKILL);
  // SIGKILL ends every stop but PTRACE_EVENT_EXIT.
  for (Tid tid : guests) syscall(SYS_ptrace, PTRACE_CONT, tid.value, 0, 0);
  bool all_known = !listener_.has_value();
  for (;;) {
    KillNewGuests(&guests);
    while (ReapGuests(&guests)) {
    }
    if (guests.empty() && all_known) return;
    pollfd fds[] = {{sigchld_.get(), POLLIN, 0}, {all_known ? -1 : listener_->fd(), 0, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return;
    signalfd_siginfo unused[4];
    while (read(sigchld_.get(), unused, sizeof(unused)) > 0) {
    }
    // A guest that was just born is not known before its first stop. It has the filter, though.
    all_known = all_known || (fds[1].revents & POLLHUP) != 0;
  }
}

// Takes the stops of dying guests, and of those that were born while their parents died.
void EventLoop::KillNewGuests(std::vector<Tid>* guests) {
  StopEvent stop;
  while (waiter_.NextStop(&stop) == Waited::kFound) {
    if (std::find(guests->begin(), guests->end(), stop.tid) == guests->end()) guests->push_back(stop.tid);
    kill(stop.tid.value, SIGKILL);
    syscall(SYS_ptrace, PTRACE_CONT, stop.tid.value, 0, 0);
  }
}

// Takes those away that are gone; true if there were any. A leader's zombie can be reaped after its last
// thread.
bool EventLoop::ReapGuests(std::vector<Tid>* guests) {
  return std::erase_if(*guests, [this](Tid tid) {
           const long error = waiter_.Reap(tid);
           return error == 0 || error == -ECHILD;
         }) > 0;
}

bool EventLoop::IsProgram(Tid tid) const {
  return tid == program_ || syscall(SYS_tgkill, program_.value, tid.value, 0) == 0;
}

// The parent of a stopped process is told when its last thread has stopped; the first one is close enough.
// That it was continued shows in the next stop of another kind: PTRACE_EVENT_STOP with SIGTRAP.
void EventLoop::NoteJobState(Tid tid, int code) {
  const bool group_stop = code >> 8 == PTRACE_EVENT_STOP && IsStopSignal(code & 0xff);
  if (!group_stop && job_signal_ == 0) return;
  if (!IsProgram(tid)) return;
  const int signal = group_stop ? code & 0xff : 0;
  if (signal == job_signal_) return;
  job_signal_ = signal;
  if (options_.on_job_state) options_.on_job_state(signal);
}

}  // namespace nestrace
