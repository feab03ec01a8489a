// PEEKUSER/POKEUSER: misaligned or outside of struct user is EIO; a gap between the registers and the debug
// registers reads as 0 and is EIO to write (arch/x86/kernel/ptrace.c: arch_ptrace).

#include "guest.h"

static void nothing(void) {}

static void both(pid_t pid, long offset) {
  unsigned long word = 0x77;
  long peek = pt(PTRACE_PEEKUSR, pid, offset, (unsigned long)&word);
  long poke = pt(PTRACE_POKEUSR, pid, offset, 0);
  say("offset %ld: PEEK %s word %s, POKE %s", offset, answer_words(peek),
      word == 0x77 ? "untouched"
      : word == 0  ? "0"
                   : "set",
      answer_words(poke));
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  long regs_end = sizeof(struct user_regs_struct);
  long debug = offsetof(struct user, u_debugreg);
  both(pid, -1);
  both(pid, -8);
  both(pid, 1);
  both(pid, 4);
  both(pid, regs_end - 1);
  for (long offset = regs_end; offset < debug; offset += 8) both(pid, offset);
  for (int i = 0; i < 8; i++) both(pid, debug + i * 8);
  both(pid, debug + 64);
  both(pid, sizeof(struct user) - 8);
  both(pid, sizeof(struct user));
  both(pid, sizeof(struct user) + 8);
  both(pid, 1L << 40);
  both(pid, LONG_MIN);
  unsigned long word;
  say("PEEK to NULL: %s", answer_words(pt(PTRACE_PEEKUSR, pid, 0, 0)));
  say("PEEK to 1: %s", answer_words(pt(PTRACE_PEEKUSR, pid, 0, 1)));
  say("PEEK misaligned to NULL: %s", answer_words(pt(PTRACE_PEEKUSR, pid, 1, 0)));
  say("PEEK good: %s", answer_words(pt(PTRACE_PEEKUSR, pid, 8, (unsigned long)&word)));
  end_child(pid);
  return 0;
}
