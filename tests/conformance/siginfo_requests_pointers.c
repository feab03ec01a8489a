// GETSIGINFO and SETSIGINFO with bad pointers are EFAULT; without a siginfo in the stop EINVAL, but
// SETSIGINFO reads its pointer first. What SETSIGINFO stores is what the handler gets.

#include "guest.h"

static void handler(int signal, siginfo_t* info, void* unused) {
  (void)unused;
  say("CHILD handles %s: code=%s value=%d", signal_words(signal), code_words(info->si_signo, info->si_code),
      info->si_value.sival_int);
}

static void body(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGSTOP);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  tell_pt(PTRACE_GETSIGINFO, pid, 0, 0);
  tell_pt(PTRACE_GETSIGINFO, pid, 0, 1);
  tell_pt(PTRACE_GETSIGINFO, pid, 0, -1L);
  tell_pt(PTRACE_SETSIGINFO, pid, 0, 0);
  tell_pt(PTRACE_SETSIGINFO, pid, 0, 1);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR1));
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 4711;
  tell_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  say("with another signal in CONT the siginfo is made anew");
  tell_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR2);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, WUNTRACED);
  say("group-stop");
  tell_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  tell_pt(PTRACE_GETSIGINFO, pid, 0, 0);
  tell_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
  tell_pt(PTRACE_SETSIGINFO, pid, 0, 0);
  info.si_signo = 0;
  info.si_code = 99;
  tell_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
  end_child(pid);
  return 0;
}
