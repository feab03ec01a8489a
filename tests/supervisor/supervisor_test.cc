// The library as an embedder uses it, on the real kernel: each kind of decision, ways round it, and bad use.

#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nestrace {
namespace {

using ::testing::HasSubstr;

class TestPolicy : public Policy {
 public:
  using Function = std::function<absl::StatusOr<Decision>(Call*)>;
  TestPolicy(std::vector<std::string> calls, Function function)
      : calls_(std::move(calls)), function_(std::move(function)) {}

  std::vector<std::string> Calls() const override { return calls_; }
  absl::StatusOr<Decision> OnCall(Call* call) override { return function_(call); }
  absl::StatusOr<bool> MayExecute(Tid tid) override {
    return may_execute ? may_execute(tid) : Policy::MayExecute(tid);
  }

  std::function<absl::StatusOr<bool>(Tid)> may_execute;

 private:
  std::vector<std::string> calls_;
  Function function_;
};

const char* GuestPath() { return getenv("POLICY_GUEST"); }

absl::StatusOr<std::unique_ptr<Supervisor>> Start(Policy* policy, const std::vector<std::string>& argv,
                                                  Observer* observer = nullptr) {
  Supervisor::Options options;
  options.inherited = Inherited::TakeOver();
  options.policy = policy;
  options.emulator.observer = observer;
  return Supervisor::Start({argv}, options);
}

struct Outcome {
  absl::StatusOr<Result> result = absl::UnknownError("not run");
  std::string output;  // PROGRAM's
};

std::string ReadToEnd(int fd) {
  std::string text;
  char bytes[4096];
  ssize_t size;
  while ((size = read(fd, bytes, sizeof(bytes))) > 0) text.append(bytes, size);
  return text;
}

// Runs the guest in `mode`. Its output is read to the end of the pipe: no process that holds it is left.
Outcome RunGuest(Policy* policy, const std::string& mode) {
  Outcome outcome;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return outcome;
  const UniqueFd output(ends[0]);
  fflush(stdout);
  const UniqueFd saved(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  dup2(ends[1], STDOUT_FILENO);
  close(ends[1]);
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Start(policy, {GuestPath(), mode});
  dup2(saved.get(), STDOUT_FILENO);
  if (!supervisor.ok()) {
    outcome.result = supervisor.status();
    return outcome;
  }
  outcome.result = (*supervisor)->Run();
  outcome.output = ReadToEnd(output.get());
  return outcome;
}

UniqueFd FileWith(const std::string& text) {
  UniqueFd file(memfd_create("given", MFD_CLOEXEC));
  EXPECT_EQ(pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return file;
}

// /given/plain and /given/cloexec exist in the policy alone.
absl::StatusOr<Decision> GiveFiles(Call* call) {
  std::string path;
  const long error = call->ReadPath(call->arg(call->name() == "open" ? 0 : 1), &path);
  if (error < 0) return Decision::Deny(-error);
  if (path.rfind("/given/", 0) != 0) return Decision::Run();
  return Decision::Give(FileWith("given"), path == "/given/cloexec");
}

// --- decisions.

TEST(SupervisorTest, RunLeavesTheCallToTheKernel) {
  int calls = 0, taken = 0;
  TestPolicy policy({"getppid"}, [&](Call* call) {
    ++calls;
    EXPECT_EQ(call->name(), "getppid");
    EXPECT_EQ(call->process(), call->tid());
    return Decision::Run().WhenTaken([&] { ++taken; });
  });
  const Outcome outcome = RunGuest(&policy, "plain");
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status();
  const std::string pid = std::to_string(getpid());
  EXPECT_EQ(outcome.output, "getppid " + pid + "\ngetpid is right: 1\n");
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(calls, 1);
}

TEST(SupervisorTest, DenyAndReturnAnswer) {
  TestPolicy deny({"getppid"}, [](Call*) { return Decision::Deny(EACCES); });
  EXPECT_EQ(RunGuest(&deny, "plain").output, "getppid -13\ngetpid is right: 1\n");
  TestPolicy answer({"getppid"}, [](Call*) { return Decision::Return(4711); });
  EXPECT_EQ(RunGuest(&answer, "plain").output, "getppid 4711\ngetpid is right: 1\n");
}

TEST(SupervisorTest, I386CallsAreInterceptedToo) {
  if (RunGuest(nullptr, "plain32").output.empty()) GTEST_SKIP() << "the kernel has no IA32 emulation";
  TestPolicy policy({"getppid"}, [](Call* call) {
    return call->abi() == Abi::kI386 ? Decision::Return(4711) : Decision::Run();
  });
  EXPECT_EQ(RunGuest(&policy, "plain32").output, "getppid32 4711\n");
}

TEST(SupervisorTest, GiveMakesADescriptor) {
  TestPolicy policy({"open", "openat"}, GiveFiles);
  const Outcome outcome = RunGuest(&policy, "open");
  EXPECT_EQ(outcome.output, "read 5 given cloexec 0\ncloexec 1\nfull -1 1\n");
}

TEST(SupervisorTest, MemoryOfAnUndumpableCallerIsReadToo) {
  TestPolicy policy({"open", "openat"}, GiveFiles);
  const Outcome outcome = RunGuest(&policy, "undumpable");
  EXPECT_EQ(outcome.output, "read 5 given cloexec 0\ncloexec 1\nfull -1 1\n");
}

absl::StatusOr<Decision> ShortenWrites(Call* call) {
  if (call->arg(2) != 7) return Decision::Run();
  std::array<uint64_t, 6> args = call->args();
  args[2] = 3;
  return Decision::RunWith(args);
}

TEST(SupervisorTest, RunWithChangesRegistersForOneCallOnly) {
  TestPolicy policy({"write"}, ShortenWrites);
  EXPECT_EQ(RunGuest(&policy, "change").output, "abc wrote 3, rdx 7\n");
}

// Entry as the program made it, exit with the result: nothing of the restart in between.
TEST(SupervisorTest, ATracerSeesAChangedCallAsOne) {
  TestPolicy policy({"write"}, ShortenWrites);
  EXPECT_EQ(RunGuest(&policy, "traced_change").output,
            "\nstop rax -38 rdx 7\nabc\nstop rax 3 rdx 7\n wrote 3, rdx 7\n");
}

TEST(SupervisorTest, ProgramsCanBeRefusedAtTheirFirstInstruction) {
  TestPolicy policy({"getppid"}, [](Call*) { return Decision::Run(); });
  policy.may_execute = [](Tid tid) {
    char path[256] = "";
    EXPECT_GT(readlink(("/proc/" + std::to_string(tid.value) + "/exe").c_str(), path, sizeof(path) - 1), 0);
    return std::string(path).find("policy_guest") == std::string::npos;
  };
  const Outcome outcome = RunGuest(&policy, "plain");
  ASSERT_TRUE(outcome.result.ok());
  EXPECT_EQ(outcome.result->kind, Result::Kind::kSignaled);
  EXPECT_EQ(outcome.result->value, SIGKILL);
  EXPECT_EQ(outcome.output, "");
}

// --- exactly once, under signals.

TEST(SupervisorTest, EveryCallIsDecidedOnceForAll) {
  long made = 0, given = 0, run = 0;
  TestPolicy policy({"getppid", "open", "openat", "getuid", "chdir"},
                    [&](Call* call) -> absl::StatusOr<Decision> {
                      if (call->name() == "getppid") return Decision::Return(++made).Done();
                      if (call->name() == "getuid") return Decision::Return(0);
                      if (call->name() == "chdir") return Decision::Run().WhenTaken([&] { ++run; });
                      absl::StatusOr<Decision> decision = GiveFiles(call);
                      return std::move(*decision).WhenTaken([&] { ++given; });
                    });
  const Outcome outcome = RunGuest(&policy, "storm");
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(outcome.output, "wrong 0 signals 1\n");
  EXPECT_EQ(made, 3000);
  EXPECT_GE(given, 3000);
  EXPECT_GE(run, 3000);
}

// --- ways round it by tracing.

class WayRound : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(WayRound, IsNone) {
  TestPolicy policy({"getppid"}, [](Call*) { return Decision::Deny(EACCES); });
  const Outcome outcome = RunGuest(&policy, GetParam().first);
  ASSERT_TRUE(outcome.result.ok()) << outcome.result.status();
  EXPECT_EQ(outcome.output, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Tracing, WayRound,
                         ::testing::Values(std::make_pair("rewrite_at_entry", "got -1 errno 13\n"),
                                           std::make_pair("rewrite_at_event", "got -1 errno 13\n"),
                                           std::make_pair("let_go_at_event", "got -1 errno 13\nevents 1\n"),
                                           std::make_pair("inject", "injected -13\n")),
                         [](const auto& info) { return std::string(info.param.first); });

// --- bad use.

TEST(SupervisorTest, AFailingPolicyEndsTheRunAndEveryGuest) {
  TestPolicy policy({"getppid"}, [](Call*) { return absl::DataLossError("no idea"); });
  const Outcome outcome = RunGuest(&policy, "daemon");
  EXPECT_EQ(outcome.result.status(), absl::DataLossError("Policy::OnCall(getppid): no idea"));
  EXPECT_LT(waitpid(-1, nullptr, WNOHANG | __WALL), 0);
  EXPECT_EQ(errno, ECHILD);
}

TEST(SupervisorTest, AThrowingPolicyEndsTheRunAndEveryGuest) {
  TestPolicy policy({"getppid"}, [](Call*) -> absl::StatusOr<Decision> { throw std::runtime_error("oops"); });
  const Outcome outcome = RunGuest(&policy, "daemon");
  EXPECT_EQ(outcome.result.status().message(), "Policy::OnCall(getppid) threw an exception: oops");
}

absl::Status RunWith(Observer* observer, Policy* policy = nullptr) {
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor =
      Start(policy, {"sh", "-c", "true & wait"}, observer);
  return supervisor.ok() ? (*supervisor)->Run().status() : supervisor.status();
}

TEST(SupervisorTest, AThrowingObserverEndsTheRunAndEveryGuest) {
  struct : Observer {
    void OnExec(const Exec&) override { throw std::runtime_error("oops"); }
  } of_execs;
  EXPECT_THAT(std::string(RunWith(&of_execs).message()), HasSubstr("threw an exception: oops"));
  EXPECT_LT(waitpid(-1, nullptr, WNOHANG | __WALL), 0);
  struct : Observer {
    void OnBirth(const Birth&) override { throw 1; }
  } of_births;
  EXPECT_THAT(std::string(RunWith(&of_births).message()), HasSubstr("Observer"));
  EXPECT_LT(waitpid(-1, nullptr, WNOHANG | __WALL), 0);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(RunWith(nullptr), absl::OkStatus()) << "another run is possible";
}

TEST(SupervisorTest, EverythingOfAPolicyMayThrow) {
  struct : TestPolicy {
    using TestPolicy::TestPolicy;
    std::vector<std::string> Calls() const override { throw std::runtime_error("oops"); }
  } calls({}, nullptr);
  EXPECT_EQ(RunWith(nullptr, &calls).message(), "Policy::Calls() threw an exception: oops");
  struct : TestPolicy {
    using TestPolicy::TestPolicy;
    bool NewCallsAreEnosys() const override { throw std::runtime_error("oops"); }
  } new_calls({"write"}, nullptr);
  EXPECT_EQ(RunWith(nullptr, &new_calls).message(), "Policy::NewCallsAreEnosys() threw an exception: oops");
  TestPolicy taken({"execve"}, [](Call*) -> absl::StatusOr<Decision> {
    return Decision::Run().WhenTaken([] { throw std::runtime_error("oops"); });
  });
  EXPECT_THAT(std::string(RunWith(nullptr, &taken).message()), HasSubstr("threw an exception: oops"));
}

TEST(SupervisorTest, ADecisionThatMakesNoSenseEndsTheRunAndEveryGuest) {
  const auto status_of = [](const std::function<Decision()>& decide) {
    TestPolicy policy({"getppid"}, [&](Call*) { return decide(); });
    return RunGuest(&policy, "daemon").result.status();
  };
  EXPECT_EQ(status_of([] { return Decision::Deny(0); }).message(),
            "Policy::OnCall(getppid): Decision::Deny(0): an errno is 1 to 4095");
  EXPECT_THAT(status_of([] { return Decision::Deny(-EACCES); }).message(), HasSubstr("Deny(-13)"));
  EXPECT_THAT(status_of([] { return Decision::Give(UniqueFd(), false); }).message(),
              HasSubstr("Give() of a descriptor that is not open"));
  EXPECT_THAT(status_of([] { return Decision::Run().Done(); }).message(), HasSubstr("still to be made"));
}

TEST(SupervisorTest, CallsThatCantBeIntercepted) {
  const auto message = [](const std::string& call) {
    TestPolicy policy({"openat", call}, [](Call*) { return Decision::Run(); });
    absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Start(&policy, {"true"});
    EXPECT_EQ(supervisor.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(supervisor.status().message());
  };
  EXPECT_EQ(message("opnat"), "Policy::Calls(): no system call is named \"opnat\"");
  EXPECT_EQ(message(""), "Policy::Calls(): no system call is named \"\"");
  EXPECT_THAT(message("rt_sigreturn"), HasSubstr("can't be intercepted"));
}

TEST(SupervisorTest, StartNeedsAProgram) {
  const absl::Status status = Start(nullptr, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("argv is empty"));
}

TEST(SupervisorTest, StartNeedsSigchldBlocked) {
  Inherited::TakeOver();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  const absl::Status status = Supervisor::Start({{"true"}}, {}).status();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Inherited::TakeOver()"));
}

TEST(SupervisorTest, TakenOverTwiceTheMaskIsThatOfTheFirst) {
  Inherited::TakeOver();
  const Outcome outcome = RunGuest(nullptr, "mask");
  EXPECT_EQ(outcome.output, "SIGTERM blocked: 0\n");
}

TEST(SupervisorTest, RunsOnceInTheThreadThatStarted) {
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Start(nullptr, {"true"});
  ASSERT_TRUE(supervisor.ok()) << supervisor.status();
  EXPECT_EQ(Start(nullptr, {"true"}).status().message(),
            "this process has a Supervisor already; destroy that one first");
  std::thread([&] {
    EXPECT_THAT(std::string((*supervisor)->Run().status().message()), HasSubstr("by another thread"));
  }).join();
  absl::StatusOr<Result> result = (*supervisor)->Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->ExitCode(), 0);
  EXPECT_EQ((*supervisor)->Run().status(),
            absl::FailedPreconditionError("Supervisor::Run() was called before"));
}

TEST(SupervisorTest, AProgramThatIsNotThereIsAResult) {
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Start(nullptr, {"/no/such/program"});
  ASSERT_TRUE(supervisor.ok()) << supervisor.status();
  absl::StatusOr<Result> result = (*supervisor)->Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->kind, Result::Kind::kNotStarted);
  EXPECT_EQ(result->value, ENOENT);
}

TEST(SupervisorTest, ASupervisorThatNeverRanLeavesNothing) {
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Start(nullptr, {"sleep", "1000"});
  ASSERT_TRUE(supervisor.ok()) << supervisor.status();
  const pid_t pid = (*supervisor)->program().value;
  supervisor->reset();
  EXPECT_LT(kill(pid, 0), 0);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace nestrace
