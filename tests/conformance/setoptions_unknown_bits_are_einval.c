// kernel/ptrace.c: check_ptrace_options: SETOPTIONS answers EINVAL to an unknown bit where SEIZE answers
// EIO, and leaves the options as they were. Request 21, the old number of SETOPTIONS, is the same request.

#include "guest.h"

static void body(void) { syscall(SYS_getppid); }

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x7f);
  tell_pt(PTRACE_SETOPTIONS, pid, 12345, PTRACE_O_EXITKILL);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x100);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x80000);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x400000);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, -1L);
  tell_pt(PTRACE_OLDSETOPTIONS, pid, 0, 0x100);
  tell_pt(PTRACE_OLDSETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  say("a refused change leaves TRACESYSGOOD on");
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x100);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  say("and no options take it off");
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_OLDSETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
