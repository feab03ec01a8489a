// PTRACE_ARCH_PRCTL: the address register holds the value or pointer, the data register the code
// (arch/x86/kernel/ptrace.c: do_arch_prctl_64 on the tracee). Non-canonical bases are EPERM here. The codes
// ARCH_MAP_VDSO_* (from 0x2001 on) are about the tracer, which has a vdso: EEXIST.

#include "guest.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012

static void nothing(void) {}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  struct user_regs_struct saved = registers(pid);
  unsigned long value = 0;
  say("GET_FS: %s", answer_words(pt(PTRACE_ARCH_PRCTL, pid, (unsigned long)&value, ARCH_GET_FS)));
  say("as GETREGS has it: %d", value == saved.fs_base);
  say("GET_GS: %s", answer_words(pt(PTRACE_ARCH_PRCTL, pid, (unsigned long)&value, ARCH_GET_GS)));
  say("as GETREGS has it: %d", value == saved.gs_base);
  say("GET_FS to NULL: %s", answer_words(pt(PTRACE_ARCH_PRCTL, pid, 0, ARCH_GET_FS)));
  say("GET_GS to 1: %s", answer_words(pt(PTRACE_ARCH_PRCTL, pid, 1, ARCH_GET_GS)));
  static const unsigned long bases[] = {
      0, 0x1000, 0x7fffffffe000, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, -1UL};
  for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
    long fs = pt(PTRACE_ARCH_PRCTL, pid, bases[i], ARCH_SET_FS);
    long gs = pt(PTRACE_ARCH_PRCTL, pid, bases[i], ARCH_SET_GS);
    struct user_regs_struct regs = registers(pid);
    say("SET %#lx: FS %s GS %s, now %d %d", bases[i], answer_words(fs), answer_words(gs),
        regs.fs_base == bases[i], regs.gs_base == bases[i]);
  }
  need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&saved);
  static const long codes[] = {0, 1, 0x1000, 0x1005, 0x2001, 0x2002, 0x2003, 0x3001, -1};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    say("code %#lx: %s", codes[i], answer_words(pt(PTRACE_ARCH_PRCTL, pid, 0, codes[i])));
  }
  say("the code is an int: %s, %s",
      answer_words(pt(PTRACE_ARCH_PRCTL, pid, (unsigned long)&value, 0x100001003)),
      answer_words(pt(PTRACE_ARCH_PRCTL, pid, saved.gs_base, 0xffffffff00001001)));
  say("as GETREGS has it: %d", value == saved.fs_base);
  end_child(pid);
  return 0;
}
