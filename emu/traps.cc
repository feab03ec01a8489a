// Whose trap is it? A breakpoint is a SIGTRAP like any other to the kernel, which has one tracer to tell.
// Where a thread has several, the one that set the breakpoint is asked first: if it takes the signal, as
// debuggers do, it was its own and nobody else hears of it; if it lets it through, the others see it in the
// usual order. Without that, a tracer that keeps every SIGTRAP for itself (ltrace) would break the
// breakpoints of a debugger inside.
//
// Who set it:
//   - an instruction (int3) that was written by PTRACE_POKETEXT or PTRACE_POKEDATA: whoever wrote it. Such
//     addresses are kept for each process, and inherited by its children as their memory is.
//   - any other int3: the one tracer that has /proc/PID/mem open for writing, as gdb does.
//   - a debug register: the one tracer that has written DR7.
// Single-steps need no search, only the links that step want them (Core::Wants).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

constexpr uint8_t kInt3 = 0xcc;

}  // namespace

// `link` is about to write the word `value` to the memory of its tracee.
void Core::NotePoke(Link* link, Abi abi, uint64_t addr, uint64_t value) {
  auto& breakpoints = link->tracee->process->breakpoints;
  uint8_t after[8], before[8] = {0};
  memcpy(after, &value, sizeof(after));
  const size_t size = WordSize(abi);
  const bool sets = std::find(after, after + size, kInt3) != after + size;
  if (!sets && breakpoints.empty()) return;
  if (sets) {
    kernel_->PtraceBuffer(Abi::kX86_64, kPeekText, link->tracee->tid, addr,
                          absl::MakeSpan(reinterpret_cast<char*>(before), sizeof(before)));
  }
  for (size_t i = 0; i < size; ++i) {
    if (after[i] != kInt3) {
      breakpoints.erase(addr + i);
    } else if (before[i] != kInt3) {
      breakpoints[addr + i] = link->tracer->process->tgid;
    }
  }
}

// The link, of several, whose tracer set the trap that the thread's SIGTRAP comes from; null if that is not
// known.
Link* Core::SetterOfTrap(const Thread& thread) const {
  siginfo_t info;
  if (KernelSigInfo(thread, &info) < 0) return nullptr;
  if (info.si_code == TRAP_HWBKPT) {
    return OnlyLink(thread, [](const Link& link) { return link.sets_debug_registers; });
  }
  struct user_regs_struct regs;
  if (info.si_code != SI_KERNEL || !GetRegs(thread, &regs)) return nullptr;
  const auto known = thread.process->breakpoints.find(regs.rip - 1);
  if (known != thread.process->breakpoints.end()) {
    return OnlyLink(thread,
                    [tgid = known->second](const Link& link) { return link.tracer->process->tgid == tgid; });
  }
  return OnlyLink(thread, [this, &thread](const Link& link) {
    return kernel_->HasMemoryOpen(link.tracer->tid, thread.process->pids);
  });
}

Link* Core::OnlyLink(const Thread& thread, const std::function<bool(const Link&)>& matches) {
  Link* found = nullptr;
  for (const auto& link : thread.links) {
    if (!matches(*link)) continue;
    if (found != nullptr) return nullptr;
    found = link.get();
  }
  return found;
}

}  // namespace nestrace
