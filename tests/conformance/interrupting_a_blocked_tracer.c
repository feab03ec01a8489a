// A tracer blocked in wait4 or waitid is itself traced and interrupted: EVENT_STOP with -ERESTARTSYS in rax,
// or, if it had not come to wait again, with the call still to be made; it goes on waiting, and gets the
// report that came meanwhile.

#include "guest.h"

static pid_t* inner_pid;
static void tracer_body(void) {
  pid_t pid = spawn("INNER", block_forever);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  *inner_pid = pid;
  raise(SIGUSR1);
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  raise(SIGUSR1);
  tell_waitid(P_PID, pid, WSTOPPED | WEXITED);
}

static const char* wait_words(pid_t pid, long call) {
  const struct user_regs_struct regs = registers(pid);
  const long number = regs.orig_rax, result = regs.rax;
  const int interrupted = number == call && result == -512;  // -ERESTARTSYS
  return interrupted || result == call ? "waits" : "does not wait";
}

int main(void) {
  start();
  inner_pid = shared_memory(sizeof *inner_pid);
  pid_t pid = spawn_seized("TRACER", tracer_body, PTRACE_O_TRACESYSGOOD);
  static const long calls[] = {SYS_wait4, SYS_waitid};
  for (int i = 0; i < 2; i++) {
    need_wait(pid, STOPPED(SIGUSR1));
    need_enter(pid, calls[i], SYSGOOD_STOP);
    for (int again = 0; again < 3; again++) {
      need_pt(PTRACE_CONT, pid, 0, 0);
      if (again == 1) favour_others();
      tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
      tell_wait(pid, 0);
      say("TRACER %s", wait_words(pid, calls[i]));
    }
    tell_pt(PTRACE_SYSCALL, pid, 0, 0);
    tell_wait(pid, 0);
    say("entered again: %d, rax %ld", (long)registers(pid).orig_rax == calls[i], (long)registers(pid).rax);
    say("a signal that is suppressed");
    need_pt(PTRACE_CONT, pid, 0, 0);
    favour_others();
    kill(pid, SIGUSR2);
    tell_wait(pid, 0);
    say("TRACER %s", wait_words(pid, calls[i]));
    need_pt(PTRACE_CONT, pid, 0, 0);
    // INNER's end gives TRACER a SIGCHLD, which stops it here.
    if (i == 0) {
      kill(*inner_pid, SIGWINCH);
    } else {
      kill(*inner_pid, SIGKILL);
    }
    int status = tell_wait(pid, 0);
    need_pt(PTRACE_CONT, pid, 0, WSTOPSIG(status));
  }
  // TRACER's CONT of INNER ran before its second SIGUSR1; what is left is its end.
  tell_wait(pid, 0);
  return 0;
}
