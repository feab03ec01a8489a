#include "emu/guest_filters.h"

#include <linux/audit.h>
#include <stddef.h>
#include <string.h>

#include <iterator>

namespace nestrace {

namespace {

// The ALU operation of `code`; division by zero ends the program in the kernel, as the caller sees to.
uint32_t Compute(uint16_t code, uint32_t a, uint32_t operand) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return a + operand;
    case BPF_SUB:
      return a - operand;
    case BPF_MUL:
      return a * operand;
    case BPF_DIV:
      return operand == 0 ? 0 : a / operand;
    case BPF_AND:
      return a & operand;
    case BPF_OR:
      return a | operand;
    case BPF_XOR:
      return a ^ operand;
    case BPF_LSH:
      return operand > 31 ? 0 : a << operand;
    case BPF_RSH:
      return operand > 31 ? 0 : a >> operand;
    case BPF_NEG:
      return -a;
    default:
      return a;
  }
}

bool Jumps(uint16_t code, uint32_t a, uint32_t operand) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return a == operand;
    case BPF_JGT:
      return a > operand;
    case BPF_JGE:
      return a >= operand;
    case BPF_JSET:
      return (a & operand) != 0;
    default:
      return false;
  }
}

}  // namespace

// read, write, exit and (rt_)sigreturn (kernel/seccomp.c:mode1_syscalls).
std::vector<struct sock_filter> StrictProgram() {
  std::vector<struct sock_filter> program;
  const auto add = [&program](uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false) {
    program.push_back(BPF_JUMP(code, k, jump_true, jump_false));
  };
  const auto allow = [&add](uint32_t nr) {
    add(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  };
  constexpr uint32_t kCalls64[] = {0, 1, 60, 15};
  constexpr uint32_t kCalls32[] = {3, 4, 1, 119};
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch), 0, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 2 + 2 * std::size(kCalls64), 0);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr), 0, 0);
  for (uint32_t nr : kCalls64) allow(nr);
  add(BPF_RET | BPF_K, SECCOMP_RET_TRACE, 0, 0);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr), 0, 0);
  for (uint32_t nr : kCalls32) allow(nr);
  add(BPF_RET | BPF_K, SECCOMP_RET_TRACE, 0, 0);
  return program;
}

uint32_t RunFilter(absl::Span<const struct sock_filter> program, const struct seccomp_data& data) {
  uint32_t a = 0, x = 0;
  uint32_t scratch[BPF_MEMWORDS] = {0};
  for (size_t pc = 0; pc < program.size(); ++pc) {
    const struct sock_filter& in = program[pc];
    const uint32_t operand = BPF_SRC(in.code) == BPF_X ? x : in.k;
    switch (BPF_CLASS(in.code)) {
      case BPF_LD:
      case BPF_LDX: {
        uint32_t value = in.k;  // BPF_IMM
        if (BPF_MODE(in.code) == BPF_ABS) {
          if (in.k > sizeof(data) - sizeof(value)) return SECCOMP_RET_ALLOW;
          memcpy(&value, reinterpret_cast<const char*>(&data) + in.k, sizeof(value));
        } else if (BPF_MODE(in.code) == BPF_MEM) {
          value = in.k < BPF_MEMWORDS ? scratch[in.k] : 0;
        } else if (BPF_MODE(in.code) == BPF_LEN) {
          value = sizeof(data);
        }
        (BPF_CLASS(in.code) == BPF_LD ? a : x) = value;
        break;
      }
      case BPF_ST:
      case BPF_STX:
        if (in.k < BPF_MEMWORDS) scratch[in.k] = BPF_CLASS(in.code) == BPF_ST ? a : x;
        break;
      case BPF_ALU:
        if (BPF_OP(in.code) == BPF_DIV && operand == 0) return 0;
        a = Compute(in.code, a, operand);
        break;
      case BPF_JMP:
        if (BPF_OP(in.code) == BPF_JA) {
          pc += in.k;
        } else {
          pc += Jumps(in.code, a, operand) ? in.jt : in.jf;
        }
        break;
      case BPF_RET:
        return BPF_RVAL(in.code) == BPF_A ? a : in.k;
      case BPF_MISC:
        if (BPF_MISCOP(in.code) == BPF_TAX) {
          x = a;
        } else {
          a = x;
        }
        break;
    }
  }
  return SECCOMP_RET_ALLOW;
}

uint32_t RunFilters(const GuestFilter* newest, const struct seccomp_data& data) {
  const auto strictness = [](uint32_t verdict) {
    return static_cast<int32_t>(verdict & SECCOMP_RET_ACTION_FULL);
  };
  uint32_t strictest = SECCOMP_RET_ALLOW;
  for (; newest != nullptr; newest = newest->previous.get()) {
    const uint32_t verdict = RunFilter(newest->program, data);
    if (strictness(verdict) < strictness(strictest)) strictest = verdict;
  }
  return strictest;
}

}  // namespace nestrace
