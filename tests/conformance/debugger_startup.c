// What a debugger does to start a program: fork, TRACEME, exec; the SIGTRAP of the exec; options; a
// breakpoint planted by POKETEXT, hit, stepped over, removed; the end.

#include "guest.h"

__attribute__((noinline, used)) static int function(int x) {
  __asm__ volatile("nop");
  return x + 1;
}
static void body(void) {
  NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
  exec_self("x");
}

int main(int argc, char** argv) {
  if (argc > 1 && argv[1][0] == 'x') {
    raise(SIGUSR1);
    return function(1) + function(2);
  }
  start();
  pid_t pid = spawn("PROGRAM", body);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "re");
  NEED(maps != NULL && fgets(line, sizeof line, maps) != NULL);
  fclose(maps);
  unsigned long their_base = strtoul(line, NULL, 16);
  maps = fopen("/proc/self/maps", "re");
  NEED(maps != NULL && fgets(line, sizeof line, maps) != NULL);
  fclose(maps);
  unsigned long address = (unsigned long)(void*)function - strtoul(line, NULL, 16) + their_base;
  unsigned long word = 0, same = 0;
  need_pt(PTRACE_PEEKTEXT, pid, address, (unsigned long)&word);
  memcpy(&same, (void*)function, sizeof same);
  say("the same code: %d", word == same);
  tell_pt(PTRACE_POKETEXT, pid, address, (word & ~0xffUL) | 0xcc);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  for (int i = 0; i < 2; i++) {
    tell_wait(pid, 0);
    tell_siginfo(pid);
    struct user_regs_struct regs = registers(pid);
    say("one past the breakpoint: %d, argument %ld", regs.rip == address + 1, (long)regs.rdi);
    regs.rip = address;
    need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
    tell_pt(PTRACE_POKETEXT, pid, address, word);
    tell_pt(PTRACE_SINGLESTEP, pid, 0, 0);
    tell_wait(pid, 0);
    tell_siginfo(pid);
    tell_pt(PTRACE_POKETEXT, pid, address, (word & ~0xffUL) | 0xcc);
    tell_pt(PTRACE_CONT, pid, 0, 0);
  }
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
