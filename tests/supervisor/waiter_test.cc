#include "supervisor/waiter.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "tests/supervisor/guest_process.h"

namespace nestrace {
namespace {

bool StopIsThere(Tid tid) {
  siginfo_t info = {};
  return waitid(P_PID, tid.value, &info, WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0 && info.si_pid != 0;
}

TEST(Waiter, NothingWithoutChildren) {
  Waiter waiter;
  StopEvent stop;
  EXPECT_EQ(waiter.NextStop(&stop), Waited::kNoChildren);
  ExitEvent exit;
  EXPECT_EQ(waiter.PeekExit(&exit), Waited::kNoChildren);
}

TEST(Waiter, StopCodeIsTheWholeOne) {
  Waiter waiter;
  GuestProcess guest([] { _exit(0); });
  ASSERT_TRUE(guest.Start(PTRACE_O_TRACEEXIT));
  StopEvent stop;
  ASSERT_TRUE(Eventually([&] { return waiter.NextStop(&stop) == Waited::kFound; }));
  EXPECT_EQ(stop.tid, guest.tid());
  EXPECT_EQ(stop.code, PTRACE_EVENT_EXIT << 8 | SIGTRAP);
}

// A tracer's waitid(WEXITED) finds ptrace-stops too.
TEST(Waiter, StopIsNotTakenForAnExit) {
  Waiter waiter;
  GuestProcess guest([] { raise(SIGUSR1); });
  ASSERT_TRUE(guest.Start());
  ASSERT_TRUE(Eventually([&] { return StopIsThere(guest.tid()); }));
  ExitEvent exit;
  EXPECT_EQ(waiter.PeekExit(&exit), Waited::kStopFirst);
  EXPECT_EQ(waiter.PeekExitOf(guest.tid(), &exit), Waited::kStopFirst);
  StopEvent stop;
  ASSERT_EQ(waiter.NextStop(&stop), Waited::kFound);
  EXPECT_EQ(stop.code, SIGUSR1);
  EXPECT_EQ(waiter.PeekExit(&exit), Waited::kNothing);
}

TEST(Waiter, StopThatReapComesAcrossIsKept) {
  Waiter waiter;
  GuestProcess guest([] { raise(SIGUSR1); });
  ASSERT_TRUE(guest.Start());
  ASSERT_TRUE(Eventually([&] { return StopIsThere(guest.tid()); }));
  EXPECT_EQ(waiter.Reap(guest.tid()), -EAGAIN);
  EXPECT_FALSE(StopIsThere(guest.tid()));
  StopEvent stop;
  ASSERT_EQ(waiter.NextStop(&stop), Waited::kFound);
  EXPECT_EQ(stop.tid, guest.tid());
  EXPECT_EQ(stop.code, SIGUSR1);
  EXPECT_EQ(waiter.NextStop(&stop), Waited::kNothing);
}

TEST(Waiter, StopOfSomeoneIsFoundAndLeft) {
  Waiter waiter;
  GuestProcess guest([] { raise(SIGUSR1); });
  GuestProcess other([] { pause(); });
  ASSERT_TRUE(guest.Start());
  ASSERT_TRUE(other.Start());
  ASSERT_TRUE(Eventually([&] { return waiter.MayHaveStopped({guest.tid()}); }));
  EXPECT_FALSE(waiter.MayHaveStopped({other.tid()}));
  EXPECT_TRUE(waiter.MayHaveStopped({other.tid(), guest.tid()}));
  EXPECT_TRUE(waiter.HasStopped(guest.tid()));
  EXPECT_FALSE(waiter.HasStopped(other.tid()));
  EXPECT_EQ(waiter.Reap(guest.tid()), -EAGAIN);  // which keeps it
  EXPECT_TRUE(waiter.MayHaveStopped({}));
  EXPECT_TRUE(waiter.HasStopped(guest.tid()));
  StopEvent stop;
  EXPECT_EQ(waiter.NextStop(&stop), Waited::kFound);
  EXPECT_FALSE(waiter.HasStopped(guest.tid()));
  EXPECT_FALSE(waiter.MayHaveStopped({other.tid(), guest.tid()}));
}

TEST(Waiter, WhoIsNoTraceeAnyMoreMayHaveStopped) {
  Waiter waiter;
  EXPECT_TRUE(waiter.MayHaveStopped({Tid{getpid()}}));
}

TEST(Waiter, ContinuedIsNotMistakenForAStop) {
  Waiter waiter;
  GuestProcess guest([] { raise(SIGUSR1); });
  ASSERT_TRUE(guest.Start());
  ASSERT_TRUE(Eventually([&] { return StopIsThere(guest.tid()); }));
  EXPECT_EQ(waiter.TakeContinued(guest.tid(), false), 0);
  StopEvent stop;
  EXPECT_EQ(waiter.NextStop(&stop), Waited::kFound);
}

TEST(Waiter, StatusHasTheEncodingOfWait) {
  Waiter waiter;
  ExitEvent exit;
  GuestProcess exits([] { _exit(7); });
  ASSERT_TRUE(exits.Start());
  ASSERT_TRUE(Eventually([&] { return waiter.PeekExitOf(exits.tid(), &exit) == Waited::kFound; }));
  EXPECT_EQ(exit.info.status, 7 << 8);
  EXPECT_EQ(waiter.PeekExitOf(exits.tid(), &exit), Waited::kFound) << "looking does not reap";
  EXPECT_EQ(waiter.Reap(exits.tid()), 0);
  EXPECT_EQ(waiter.Reap(exits.tid()), -ECHILD);

  GuestProcess killed([] { pause(); });
  ASSERT_TRUE(killed.Start());
  kill(killed.tid().value, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return waiter.PeekExitOf(killed.tid(), &exit) == Waited::kFound; }));
  EXPECT_EQ(exit.info.status, SIGKILL);
}

}  // namespace
}  // namespace nestrace
