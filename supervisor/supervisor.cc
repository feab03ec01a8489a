#include "supervisor/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "supervisor/event_loop.h"

namespace nestrace {
namespace {

// There is one waitid(P_ALL) for all children of a process.
std::atomic<bool> in_use = false;

absl::Status CheckSignals() {
  sigset_t blocked;
  struct sigaction action;
  if (pthread_sigmask(SIG_SETMASK, nullptr, &blocked) != 0 || sigaction(SIGCHLD, nullptr, &action) < 0) {
    return absl::InternalError("the signal state can't be read");
  }
  const bool ignored = action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0;
  if (sigismember(&blocked, SIGCHLD) == 1 && !ignored) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "SIGCHLD must be blocked and not ignored: call Inherited::TakeOver() before "
      "Supervisor::Start()");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Start(const Command& command,
                                                              const Options& options) {
  if (command.argv.empty()) return absl::InvalidArgumentError("Command::argv is empty: no program to start");
  if (absl::Status status = CheckSignals(); !status.ok()) return status;
  std::unique_ptr<PolicyInterceptor> interceptor;
  if (options.policy != nullptr) {
    absl::StatusOr<PolicyInterceptor> created = PolicyInterceptor::Create(options.policy);
    if (!created.ok()) return created.status();
    interceptor = std::make_unique<PolicyInterceptor>(*std::move(created));
  }
  if (in_use.exchange(true)) {
    return absl::FailedPreconditionError("this process has a Supervisor already; destroy that one first");
  }
  absl::Cleanup not_in_use = [] { in_use = false; };
  absl::StatusOr<std::unique_ptr<EventLoop>> loop =
      EventLoop::Start(command, options, std::move(interceptor));
  if (!loop.ok()) return loop.status();
  std::move(not_in_use).Cancel();
  return std::unique_ptr<Supervisor>(new Supervisor(*std::move(loop)));
}

Supervisor::Supervisor(std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)), thread_(gettid()) {}

Supervisor::~Supervisor() {
  loop_.reset();
  in_use = false;
}

absl::StatusOr<Result> Supervisor::Run() {
  if (run_) return absl::FailedPreconditionError("Supervisor::Run() was called before");
  if (gettid() != thread_) {
    return absl::FailedPreconditionError(
        "Supervisor::Run() was called by another thread than Supervisor::Start()");
  }
  run_ = true;
  return loop_->Run();
}

std::optional<Emulator::Appearance> Supervisor::AppearanceOf(Tid tid) const {
  return loop_->AppearanceOf(tid);
}

Tid Supervisor::program() const { return loop_->program(); }

}  // namespace nestrace
