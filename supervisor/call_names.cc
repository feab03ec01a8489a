#include "supervisor/call_names.h"

#include <seccomp.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace nestrace {
namespace {

struct NewCall {
  const char* name;
  int nr;
};

// Newer than libseccomp 2.5.4; every call since Linux 5.1 has one number in all ABIs.
constexpr NewCall kNewCalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},
};

// Calls that libseccomp has for i386 only as parts of socketcall(2) and ipc(2) (Linux 4.3 and 5.1).
constexpr NewCall kI386Calls[] = {
    {"socket", 359},  {"socketpair", 360}, {"bind", 361},       {"connect", 362},     {"listen", 363},
    {"accept4", 364}, {"getsockopt", 365}, {"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
    {"sendto", 369},  {"sendmsg", 370},    {"recvfrom", 371},   {"recvmsg", 372},     {"shutdown", 373},
    {"semget", 393},  {"semctl", 394},     {"shmget", 395},     {"shmctl", 396},      {"shmat", 397},
    {"shmdt", 398},   {"msgget", 399},     {"msgsnd", 400},     {"msgrcv", 401},      {"msgctl", 402},
};

uint32_t ArchOf(Abi abi) { return abi == Abi::kX86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_X86; }

}  // namespace

absl::StatusOr<std::vector<CallNumber>> FindCall(absl::string_view name) {
  std::vector<CallNumber> numbers;
  for (Abi abi : {Abi::kX86_64, Abi::kI386}) {
    // Negative: a call that other architectures have, or none at all.
    const int nr = seccomp_syscall_resolve_name_arch(ArchOf(abi), std::string(name).c_str());
    if (nr >= 0) numbers.push_back({abi, nr});
  }
  for (const NewCall& call : kI386Calls) {
    if (name == call.name && numbers.size() == 1) numbers.push_back({Abi::kI386, call.nr});
  }
  for (const NewCall& call : kNewCalls) {
    if (numbers.empty() && name == call.name) numbers = {{Abi::kX86_64, call.nr}, {Abi::kI386, call.nr}};
  }
  if (numbers.empty())
    return absl::InvalidArgumentError(absl::StrCat("no system call is named \"", name, "\""));
  return numbers;
}

}  // namespace nestrace
