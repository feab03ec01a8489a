// A signal given at a syscall-stop is sent to the tracee (SI_KERNEL, pid 0, or SI_USER as the transcript
// shows) and so reported once more, by a signal-delivery-stop of its own (kernel/ptrace.c:
// ptrace_report_syscall).

#include "guest.h"

static void handler(int signal) { say("CHILD handles %s", signal_words(signal)); }
static void body(void) {
  signal(SIGUSR1, handler);
  syscall(SYS_getppid);
  syscall(SYS_gettid);
  say("CHILD goes on");
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  say("at the entry: the call is made, the signal comes after its exit-stop");
  tell_pt(PTRACE_SYSCALL, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  end_child(pid);

  pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_gettid, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  say("at the exit");
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  return 0;
}
