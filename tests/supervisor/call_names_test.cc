#include "supervisor/call_names.h"

#include "gtest/gtest.h"

namespace nestrace {
namespace {

using Numbers = std::vector<CallNumber>;

TEST(CallNamesTest, CallsHaveANumberInEachAbi) {
  EXPECT_EQ(*FindCall("openat"), (Numbers{{Abi::kX86_64, 257}, {Abi::kI386, 295}}));
  EXPECT_EQ(*FindCall("waitpid"), (Numbers{{Abi::kI386, 7}}));
  EXPECT_EQ(*FindCall("newfstatat"), (Numbers{{Abi::kX86_64, 262}}));
  EXPECT_EQ(*FindCall("fstatat64"), (Numbers{{Abi::kI386, 300}}));
}

TEST(CallNamesTest, SocketCallsOfI386HaveTheirOwnNumbers) {
  EXPECT_EQ(*FindCall("connect"), (Numbers{{Abi::kX86_64, 42}, {Abi::kI386, 362}}));
  EXPECT_EQ(*FindCall("socketcall"), (Numbers{{Abi::kI386, 102}}));
}

TEST(CallNamesTest, CallsNewerThanLibseccomp) {
  EXPECT_EQ(*FindCall("fchmodat2"), (Numbers{{Abi::kX86_64, 452}, {Abi::kI386, 452}}));
}

TEST(CallNamesTest, WhatIsNoCall) {
  EXPECT_FALSE(FindCall("opnat").ok());
  EXPECT_FALSE(FindCall("arm_fadvise64_64").ok()) << "of another architecture";
}

}  // namespace
}  // namespace nestrace
