// GETSIGMASK and SETSIGMASK want the size of the kernel's sigset in the address (EINVAL), drop SIGKILL and
// SIGSTOP, and inside of sigsuspend GET tells the mask that will come back.

#include "guest.h"

static Gate ready;
static void on_usr1(int unused) { (void)unused; }
static void body(void) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  sigaddset(&mask, SIGHUP);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  raise(SIGUSR2);
  signal(SIGUSR1, on_usr1);
  sigfillset(&mask);
  sigdelset(&mask, SIGUSR1);
  raise(SIGUSR2);
  syscall(SYS_rt_sigsuspend, &mask, 8);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  say("CHILD: mask %#lx", *(unsigned long*)&mask);
}

static void tell_mask(pid_t pid) {
  unsigned long mask = 0x5a5a;
  long answer = pt(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask);
  say("GETSIGMASK = %s: %#lx", answer_words(answer), mask);
}

int main(void) {
  start();
  ready = gate_new();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR2));
  tell_mask(pid);
  static const unsigned long sizes[] = {0, 1, 4, 7, 9, 16, 128, -1UL};
  unsigned long mask = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    say("size %s: GET %s SET %s", word_words(sizes[i]),
        answer_words(pt(PTRACE_GETSIGMASK, pid, sizes[i], (unsigned long)&mask)),
        answer_words(pt(PTRACE_SETSIGMASK, pid, sizes[i], (unsigned long)&mask)));
  }
  say("NULL: GET %s SET %s", answer_words(pt(PTRACE_GETSIGMASK, pid, 8, 0)),
      answer_words(pt(PTRACE_SETSIGMASK, pid, 8, 0)));
  say("NULL and a bad size: GET %s SET %s", answer_words(pt(PTRACE_GETSIGMASK, pid, 4, 0)),
      answer_words(pt(PTRACE_SETSIGMASK, pid, 4, 0)));
  mask = -1UL;
  tell_pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask);
  tell_mask(pid);
  mask = 1UL << (SIGHUP - 1);
  tell_pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask);
  tell_mask(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR2));
  need_enter(pid, SYS_rt_sigsuspend, SYSCALL_STOP);
  tell_mask(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  kill(pid, SIGUSR1);
  tell_wait(pid, 0);
  say("inside of sigsuspend");
  tell_mask(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  return 0;
}
