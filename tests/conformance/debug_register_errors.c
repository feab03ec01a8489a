// Debug registers: DR4 and DR5 cannot be written (EIO), a kernel address in DR0-3 and an invalid DR7 are
// EINVAL, DR6 takes anything; what was refused is not stored (arch/x86/kernel/ptrace.c:
// ptrace_set_debugreg).

#include "guest.h"

static void nothing(void) {}

static void poke(pid_t pid, int number, unsigned long value) {
  long offset = offsetof(struct user, u_debugreg) + 8 * number;
  long answer = pt(PTRACE_POKEUSR, pid, offset, value);
  unsigned long now = 0;
  need_pt(PTRACE_PEEKUSR, pid, offset, (unsigned long)&now);
  say("DR%d = %#lx: %s, now %#lx", number, value, answer_words(answer), now);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  for (int i = 0; i < 4; i++) {
    poke(pid, i, 0x1000);
    poke(pid, i, 0xffff800000000000);
    poke(pid, i, -1UL);
    poke(pid, i, 0x800000000000);
    poke(pid, i, 0x7fffffffefff);
    poke(pid, i, 0x1008);
  }
  poke(pid, 4, 0);
  poke(pid, 5, 0);
  poke(pid, 6, 0);
  poke(pid, 6, -1UL);
  poke(pid, 6, 0xffff0ff0);
  poke(pid, 7, 0);
  poke(pid, 7, 1);        // execute, one byte
  poke(pid, 7, 0x2);      // the global bit
  poke(pid, 7, 0x10001);  // write, one byte
  poke(pid, 7, 0x20001);  // I/O: no such type
  poke(pid, 7, 0x30001);  // read or write
  poke(pid, 7, 0x70001);  // two bytes
  poke(pid, 7, 0xf0001);  // four bytes
  poke(pid, 7, 0xb0001);  // eight bytes
  poke(pid, 7, 0x40001);  // execute, two bytes: refused
  poke(pid, 7, 0x100);    // LE
  poke(pid, 7, 0x2000);   // GD
  poke(pid, 7, 0xff);     // all four
  poke(pid, 7, -1UL);
  poke(pid, 7, 0x100000001);
  poke(pid, 7, 0);
  say("an address for an enabled register is checked at once");
  poke(pid, 0, 0x1000);
  poke(pid, 7, 0xd0001);  // write, four bytes
  poke(pid, 0, 0x1001);   // not aligned to four
  poke(pid, 0, 0x1004);
  poke(pid, 7, 0);
  end_child(pid);
  return 0;
}
