#include "supervisor/thread_status.h"

#include "gtest/gtest.h"

namespace nestrace {
namespace {

constexpr char kStatus[] =
    "Name:\tsh\nUmask:\t0022\nState:\tS "
    "(sleeping)\nTgid:\t4101\nNgid:\t0\nPid:\t4102\nPPid:\t77\nTracerPid:\t9\n"
    "Uid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t4 24 27 \nNStgid:\t4101\t2\n"
    "NSpid:\t4102\t3\t1\nSigQ:\t0/63000\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000000200\n"
    "SigBlk:\t0000000000010000\nSigIgn:\t0000000000000006\nSigCgt:\t0000000180000000\nCapInh:"
    "\t0000000000000000\n"
    "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000200000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:"
    "\t3\n";

TEST(ThreadStatus, FieldsAreDecoded) {
  const std::optional<ThreadStatus> status = ParseThreadStatus(kStatus);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->tgid, 4101);
  EXPECT_EQ(status->ppid, 77);
  EXPECT_EQ(status->nspid, (std::vector<pid_t>{4102, 3, 1}));
  EXPECT_EQ(status->uid[0], 1000u);
  EXPECT_EQ(status->uid[3], 1003u);
  EXPECT_EQ(status->gid[1], 6u);
  EXPECT_EQ(status->thread_pending, 0x1u);
  EXPECT_EQ(status->process_pending, 0x200u);
  EXPECT_EQ(status->blocked, 0x10000u);
  EXPECT_EQ(status->ignored, 0x6u);
  EXPECT_EQ(status->caught, 0x180000000u);
  EXPECT_EQ(status->cap_permitted, 0x1ffffffffffu);
  EXPECT_EQ(status->cap_effective, 0x200000u);
  EXPECT_EQ(status->seccomp_filters, 3);
}

TEST(ThreadStatus, OtherTextIsRefused) {
  EXPECT_FALSE(ParseThreadStatus("").has_value());
  EXPECT_FALSE(ParseThreadStatus("Tgid:\t5\n").has_value());
  EXPECT_FALSE(ParseThreadStatus(":::\n\n:").has_value());
}

// A process may give itself any name; the kernel escapes newlines in it, so that it can't forge a line.
TEST(ThreadStatus, NameIsNotMistakenForAField) {
  const std::optional<ThreadStatus> status =
      ParseThreadStatus("Name:\tTgid: 1\\nTgid:\t1\nTgid:\t5\nNSpid:\t5\n");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->tgid, 5);
}

TEST(ThreadStatus, NumbersOfFdinfo) {
  constexpr char kFdInfo[] = "pos:\t0\nflags:\t02004002\nmnt_id:\t15\nino:\t8\nPid:\t-1\nNSpid:\t-1\n";
  EXPECT_EQ(FindNumber(kFdInfo, "Pid"), -1);
  EXPECT_EQ(FindNumber(kFdInfo, "flags", 8), 02004002);
  EXPECT_EQ(FindNumber(kFdInfo, "pid"), std::nullopt);
  EXPECT_EQ(FindNumbers(kFdInfo, "NSpid"), std::vector<pid_t>{-1});
}

}  // namespace
}  // namespace nestrace
