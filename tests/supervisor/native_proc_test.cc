#include "supervisor/native_proc.h"

#include <gtest/gtest.h>

#include <string>

namespace nestrace {
namespace {

constexpr char kStopped[] =
    "Name:\tState:\\nState:\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t12\nTracerPid:\t7\nSeccomp:\t2\n"
    "Seccomp_filters:\t1\nCpus_allowed:\t3\n";

TEST(NativeStatusTest, TracerAndFilterOfTheSupervisorAreNotThere) {
  EXPECT_EQ(NativeStatus(kStopped, {}, 0),
            "Name:\tState:\\nState:\nUmask:\t0022\nState:\tR (running)\nTgid:\t12\nTracerPid:\t0\n"
            "Seccomp:\t0\nSeccomp_filters:\t0\nCpus_allowed:\t3\n");
}

TEST(NativeStatusTest, OwnFiltersStay) {
  const std::string text = "Name:\ta\nTracerPid:\t7\nSeccomp:\t2\nSeccomp_filters:\t3\n";
  EXPECT_EQ(NativeStatus(text, {}, 1234), "Name:\ta\nTracerPid:\t1234\nSeccomp:\t2\nSeccomp_filters:\t2\n");
}

TEST(NativeStatusTest, StrictModeHasNoFilter) {
  Emulator::Appearance shown;
  shown.strict = true;
  EXPECT_EQ(NativeStatus("Name:\ta\nTracerPid:\t5\nSeccomp:\t2\nSeccomp_filters:\t2\n", shown, 0),
            "Name:\ta\nTracerPid:\t0\nSeccomp:\t1\nSeccomp_filters:\t0\n");
}

TEST(NativeStatusTest, WithoutANumberOfFiltersSeccompStays) {  // before Linux 5.9
  const std::string text = "Name:\ta\nTracerPid:\t7\nSeccomp:\t2\n";
  EXPECT_EQ(NativeStatus(text, {}, 0), "Name:\ta\nTracerPid:\t0\nSeccomp:\t2\n");
}

TEST(NativeStatusTest, StateIsThatOfTheGuest) {
  Emulator::Appearance shown;
  shown.state = 'T';
  EXPECT_NE(NativeStatus(kStopped, shown, 0).find("\nState:\tT (stopped)\n"), std::string::npos);
  shown.state = 'R';
  EXPECT_NE(NativeStatus(kStopped, shown, 0).find("\nState:\tR (running)\n"), std::string::npos);
}

TEST(NativeStatTest, StateIsBehindTheName) {
  Emulator::Appearance shown;
  EXPECT_EQ(NativeStat("12 (a) t (b) S 1 2 3\n", shown), "12 (a) t (b) S 1 2 3\n");
  shown.state = 'T';
  EXPECT_EQ(NativeStat("12 (a) t (b) t 1 2 3\n", shown), "12 (a) t (b) T 1 2 3\n");
}

TEST(NativeStatTest, StopThatNobodyHasSeenYetIsNone) {
  Emulator::Appearance shown;
  EXPECT_EQ(NativeStat("12 (a) t 1 2 3\n", shown), "12 (a) R 1 2 3\n");
  EXPECT_NE(NativeStatus(kStopped, shown, 0).find("\nState:\tR (running)\n"), std::string::npos);
  shown.stopped = true;
  EXPECT_EQ(NativeStat("12 (a) t 1 2 3\n", shown), "12 (a) t 1 2 3\n");
  EXPECT_NE(NativeStatus(kStopped, shown, 0).find("\nState:\tt (tracing stop)\n"), std::string::npos);
}

TEST(NativeStatTest, AnythingElseIsLeftAlone) {
  Emulator::Appearance shown;
  shown.state = 'T';
  EXPECT_EQ(NativeStat("", shown), "");
  EXPECT_EQ(NativeStat("12 (a) ", shown), "12 (a) ");
}

}  // namespace
}  // namespace nestrace
