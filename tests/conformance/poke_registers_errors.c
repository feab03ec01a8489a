// Values a register refuses: a non-canonical fs_base or gs_base, a selector whose RPL is not 3, cs or ss
// 0 are EIO; the bits of eflags that a user may not set are dropped in silence
// (arch/x86/kernel/ptrace.c: putreg, set_segment_reg, set_flags).

#include "guest.h"

static void nothing(void) {}

#define AT(field) offsetof(struct user_regs_struct, field)

static void poke(pid_t pid, const char* name, long offset, unsigned long value) {
  unsigned long before = 0, after = 0;
  need_pt(PTRACE_PEEKUSR, pid, offset, (unsigned long)&before);
  long answer = pt(PTRACE_POKEUSR, pid, offset, value);
  need_pt(PTRACE_PEEKUSR, pid, offset, (unsigned long)&after);
  say("%s = %#lx: %s, now %s", name, value, answer_words(answer),
      after == value    ? "as asked"
      : after == before ? "as before"
                        : "else");
  pt(PTRACE_POKEUSR, pid, offset, before);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  struct user_regs_struct saved = registers(pid);
  poke(pid, "fs_base", AT(fs_base), 0x800000000000);
  poke(pid, "fs_base", AT(fs_base), 0xffff800000000000);
  poke(pid, "fs_base", AT(fs_base), -1UL);
  poke(pid, "fs_base", AT(fs_base), 0x12345678);
  poke(pid, "gs_base", AT(gs_base), 0x800000000000);
  poke(pid, "gs_base", AT(gs_base), 0xffff800000000000);
  poke(pid, "gs_base", AT(gs_base), 0x12345678);
  static const struct {
    const char* name;
    long offset;
  } selectors[] = {{"cs", AT(cs)}, {"ss", AT(ss)}, {"ds", AT(ds)},
                   {"es", AT(es)}, {"fs", AT(fs)}, {"gs", AT(gs)}};
  static const unsigned long values[] = {0, 1, 2, 3, 8, 0x10, 0x23, 0x2b, 0x33, 0xffff, 0x10000};
  for (size_t i = 0; i < 6; i++) {
    for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
      poke(pid, selectors[i].name, selectors[i].offset, values[j]);
    }
  }
  poke(pid, "rip", AT(rip), -1UL);
  poke(pid, "rip", AT(rip), 0x800000000000);
  poke(pid, "rsp", AT(rsp), 1);
  poke(pid, "orig_rax", AT(orig_rax), -1UL);
  poke(pid, "rax", AT(rax), -512UL);
  need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&saved);

  unsigned long flags = 0;
  need_pt(PTRACE_POKEUSR, pid, AT(eflags), -1UL);
  need_pt(PTRACE_PEEKUSR, pid, AT(eflags), (unsigned long)&flags);
  say("eflags = -1: now %#lx", flags);
  need_pt(PTRACE_POKEUSR, pid, AT(eflags), 0);
  need_pt(PTRACE_PEEKUSR, pid, AT(eflags), (unsigned long)&flags);
  say("eflags = 0: now %#lx", flags);
  end_child(pid);
  return 0;
}
