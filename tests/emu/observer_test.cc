// What an Observer is told, in what order.

#include "emu/observer.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "emu/names.h"
#include "tests/emu/guests.h"

namespace nestrace {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

// Writes down what it is told, a line each.
class Recorder : public Observer {
 public:
  void OnBirth(const Birth& b) override {
    Add("birth ", b.tid.value, " of ", b.parent.value, b.event == 0 ? "" : " " + EventName(b.event));
  }
  void OnExec(const Exec& e) override { Add("exec ", e.tid.value, " was ", e.old_tid.value); }
  void OnExit(const Exit& e) override { Add("exit ", e.tid.value, " ", StatusName(e.info->status)); }
  void OnReaped(Tid tid) override { Add("reaped ", tid.value); }
  void OnStop(const Stop& s) override { Add("stop ", s.tid.value, " ", StopName(s.code)); }
  void OnReport(const Report& r) override {
    Add("report ", r.tracee.value, " to ", r.tracer.value, " ", StatusName(r.status),
        r.info == nullptr ? "" : " " + SiCodeName(r.info->si_signo, r.info->si_code));
  }
  void OnTaken(const Taken& t) override {
    Add("taken ", t.tracee.value, " by ", t.caller.value, " ", StatusName(t.status), t.left ? " left" : "");
  }
  void OnResume(const Resume& r) override {
    Add("resume ", r.tid.value, " ", RequestName(r.request), r.signal == 0 ? "" : " " + SignalName(r.signal));
  }
  void OnSignal(const Signal& s) override {
    Add(SignalName(s.signal), " ", SiCodeName(s.signal, s.code), " to ", s.process ? "process " : "",
        s.tid.value);
  }
  void OnKick(Tid tid) override { Add("kick ", tid.value); }
  void OnAttached(const Attached& a) override {
    static constexpr const char* kOrigins[] = {"traceme", "attach", "seize", "inherited"};
    Add(kOrigins[static_cast<int>(a.origin)], " ", a.tracee.value, " by ", a.tracer.value, " outer ", a.outer,
        " inner ", a.inner);
  }
  void OnDetached(const Detached& d) override {
    static constexpr const char* kReasons[] = {"detach", "tracer gone", "tracee gone", "parent"};
    Add("unlink ", d.tracee.value, " from ", d.tracer.value, ", ", kReasons[static_cast<int>(d.reason)]);
  }
  void OnCall(const Call& c) override {
    static constexpr const char* kRoads[] = {"answered", "registers", "refused",     "lost",      "parked",
                                             "kernel",   "restarts",  "interrupted", "needs stop"};
    const bool ptrace = CallName(c.call->abi, c.call->nr) == "ptrace";
    Add(ptrace ? RequestName(c.call->args[0]) : CallName(c.call->abi, c.call->nr), " by ", c.call->tid.value,
        c.target.value == 0 ? "" : absl::StrCat(" on ", c.target.value), " ",
        kRoads[static_cast<int>(c.road)], c.road <= Road::kLost ? absl::StrCat(" ", c.result) : "");
  }

  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  template <typename... Args>
  void Add(const Args&... args) {
    lines_.push_back(absl::StrCat(args...));
  }
  std::vector<std::string> lines_;
};

class ObserverTest : public EmuTest {
 protected:
  ObserverTest() : EmuTest(/*nesting=*/true, &recorder_) {}
  std::vector<std::string> Told() { return recorder_.Take(); }

 private:
  Recorder recorder_;
};

TEST_F(ObserverTest, BirthComesBeforeTheFirstStop) {
  Root(kShell);
  EXPECT_THAT(Told(), ElementsAre("birth 5 of 0"));
  NewProcess(kShell, kTracee);
  FirstStop(kTracee);  // before its parent's event
  EXPECT_THAT(Told(), ElementsAre());
  BirthEvent(kShell, kTracee);
  EXPECT_THAT(Told(),
              ElementsAre("stop 5 PTRACE_EVENT_FORK", "birth 20 of 5 PTRACE_EVENT_FORK",
                          "stop 20 PTRACE_EVENT_STOP", "resume 20 PTRACE_CONT", "resume 5 PTRACE_CONT"));
}

TEST_F(ObserverTest, RequestsComeBeforeTheirEffects) {
  Family();
  Told();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_THAT(Told(), ElementsAre("PTRACE_SEIZE by 10 on 20 answered 0", "seize 20 by 10 outer 0 inner 0"));
  Signal(kTracee, SIGUSR1);
  EXPECT_THAT(Told(), ElementsAre("stop 20 SIGUSR1", "report 20 to 10 SIGUSR1 SI_USER"));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  EXPECT_THAT(Told(), ElementsAre("wait4 by 10 answered 20", "taken 20 by 10 SIGUSR1"));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, 65), -EIO);
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_THAT(Told(), ElementsAre(absl::StrCat("PTRACE_CONT by 10 on 20 answered ", -EIO),
                                  "PTRACE_CONT by 10 on 20 answered 0", "resume 20 PTRACE_CONT SIGUSR1"));
}

TEST_F(ObserverTest, RefusedAnswersAreGivenByAnotherRoad) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  Told();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  EXPECT_THAT(Told(), ElementsAre("PTRACE_CONT by 10 on 20 answered 0", "resume 20 PTRACE_CONT",
                                  "PTRACE_CONT by 10 on 20 lost 0"));
  Signal(kTracer, SIGALRM);
  EXPECT_THAT(Told(), ElementsAre("stop 10 SIGALRM", "PTRACE_CONT by 10 on 20 registers 0",
                                  "resume 10 PTRACE_CONT SIGALRM"));
}

TEST_F(ObserverTest, LostAnswersAreToldOnce) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  Told();
  kernel.LoseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Restart(kTracer), 0);
  EXPECT_THAT(Told(),
              ElementsAre("PTRACE_CONT by 10 on 20 answered 0", "resume 20 PTRACE_CONT", "stop 10 SIGALRM",
                          "PTRACE_CONT by 10 on 20 restarts", "resume 10 PTRACE_CONT SIGALRM",
                          "PTRACE_CONT by 10 on 20 lost 0", "PTRACE_CONT by 10 on 20 answered 0"));
}

TEST_F(ObserverTest, ParkedWaitsAreToldWhenTheyAreParkedAndWhenTheyEnd) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kOther), -ESRCH);
  Told();
  EXPECT_EQ(WaitBlocking(kTracer).result, kParked);
  EXPECT_THAT(Told(), ElementsAre("wait4 by 10 parked"));
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(SettledWaitOf(kTracer), StopOf(kTracee, SIGUSR1));
  const std::vector<std::string> told = Told();
  EXPECT_THAT(told, Not(Contains("wait4 by 10 parked")));
  EXPECT_THAT(told, Contains("taken 20 by 10 SIGUSR1"));
}

TEST_F(ObserverTest, EachTracerIsReportedToInItsTurn) {
  Root(kShell);
  for (const Tid tid : {kTracer, kOther, kTracee}) Fork(kShell, tid);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kOther), 0);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Told();
  EXPECT_EQ(Ptrace(kOther, kSeize, kTracee), 0);
  EXPECT_THAT(Told(), Contains("seize 20 by 30 outer 1 inner 0"));
  Signal(kTracee, SIGUSR1);
  EXPECT_THAT(Told(), ElementsAre("stop 20 SIGUSR1", "report 20 to 10 SIGUSR1 SI_USER"));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_THAT(Told(), ElementsAre("PTRACE_CONT by 10 on 20 answered 0", "report 20 to 30 SIGUSR1 SI_USER",
                                  "SIGCHLD CLD_TRAPPED to process 30"));
  EXPECT_EQ(Ptrace(kOther, kDetach, kTracee, 0, 0), 0);
  EXPECT_THAT(Told(), ElementsAre("PTRACE_DETACH by 30 on 20 answered 0", "unlink 20 from 30, detach",
                                  "resume 20 PTRACE_CONT"));
}

TEST_F(ObserverTest, AnEndIsReportedTakenAndReaped) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Told();
  Die(kTracee, 3 << 8);
  EXPECT_THAT(Told(), ElementsAre("stop 20 PTRACE_EVENT_EXIT", "resume 20 PTRACE_CONT", "exit 20 exited, 3",
                                  "report 20 to 10 exited, 3"));
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 3 << 8));
  EXPECT_THAT(Told(), ElementsAre("wait4 by 10 answered 20", "taken 20 by 10 exited, 3",
                                  "unlink 20 from 10, tracee gone", "reaped 20"));
}

TEST_F(ObserverTest, TheDeathOfATracerEndsItsLinks) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Told();
  Die(kTracer, 0);
  EXPECT_THAT(Told(), ElementsAre("stop 10 PTRACE_EVENT_EXIT", "resume 10 PTRACE_CONT", "exit 10 exited, 0",
                                  "unlink 20 from 10, tracer gone", "reaped 10"));
}

TEST_F(ObserverTest, AnExecByAnotherThreadTakesTheLeadersNumber) {
  Root(kShell);
  Fork(kShell, kTracee);
  const Tid thread{21};
  Clone(kTracee, thread);
  Told();
  // The leader dies on its own, unseen.
  kernel.at(thread).state = FakeThread::State::kReaped;
  Event(kTracee, kEventExec, thread.value);
  EXPECT_THAT(Told(), ElementsAre("stop 20 PTRACE_EVENT_EXEC", "exec 20 was 21", "resume 20 PTRACE_CONT"));
}

TEST_F(ObserverTest, SignalsOfOurMakingAreTold) {
  Family();
  EXPECT_EQ(Sigaction(kTracer, 0x1000), kNative);
  Told();
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  EXPECT_THAT(Told(), Contains("SIGSTOP SI_KERNEL to 20"));
  DeliverQueued(kTracee);
  EXPECT_THAT(Told(), ElementsAre("stop 20 SIGSTOP", "report 20 to 10 SIGSTOP SI_KERNEL",
                                  "SIGCHLD CLD_TRAPPED to process 10"));
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  EXPECT_THAT(Told(), ElementsAre("PTRACE_KILL by 10 on 20 answered 0", "SIGKILL SI_TKILL to 20"));
}

TEST_F(ObserverTest, KicksAreTold) {
  Family();
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
  Told();
  kernel.MakeUndumpable(kTracer.value);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  Wait(kTracer);
  const std::vector<std::string> told = Told();
  EXPECT_THAT(told, Contains("wait4 by 10 needs stop"));
  EXPECT_THAT(told, Contains("kick 10"));
}

}  // namespace
}  // namespace nestrace
