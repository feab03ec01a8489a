// wait4, waitpid and waitid of a 32-bit program: arguments, errors and 32-bit siginfo; seizing, group-stop
// and LISTEN.

#include "guest.h"

static Gate go;
static void body(void) {
  raise(SIGSTOP);
  gate_pass(go);
  _exit(6);
}

int main(void) {
  start();
  go = gate_new();
  tell_wait(-1, 0);
  tell_wait(INT_MIN, 0);
  tell_wait(-1, WNOWAIT);
  tell_waitid(P_ALL, 0, 0);
  tell_waitid(P_PID, 0, WEXITED);
  tell_waitid(P_PIDFD, 0, WEXITED);
  tell_waitid(P_ALL, 0, WEXITED);
  pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACEEXIT);
  say("waitpid: %s", answer_words(raw(syscall(SYS_waitpid, pid, NULL, WNOHANG | 0x100))));
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  tell_waitid(P_ALL, 0, WSTOPPED);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_waitid(P_PID, pid, WSTOPPED);
  tell_siginfo(pid);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  kill(pid, SIGCONT);
  int status = 0;
  long answer = raw(syscall(SYS_waitpid, pid, &status, 0));
  say("waitpid: %s, %s", pid_words(answer), status_words(status));
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGCONT);
  gate_open(go);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_waitid_named(P_PIDFD, syscall(SYS_pidfd_open, pid, 0), "PIDFD", WEXITED | WNOWAIT);
  struct rusage usage;
  memset(&usage, 0x5a, sizeof usage);
  siginfo_t info;
  NEED(raw(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, &usage)) == 0);
  say("%s, maxrss %d", siginfo_words(&info), usage.ru_maxrss > 0 && usage.ru_maxrss < 1000000);
  say("waitpid: %s", answer_words(raw(syscall(SYS_waitpid, pid, &status, 0))));
  return 0;
}
