// PTRACE_PEEKSIGINFO copies pending signals without taking them: the thread's or, with the SHARED flag, the
// process's queue, from an offset, at most nr; it answers how many.

#include "guest.h"

static void body(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  pid_t self = getpid();
  for (int i = 1; i <= 3; i++) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_pid = self;
    info.si_uid = getuid();
    info.si_value.sival_int = i;
    syscall(SYS_rt_tgsigqueueinfo, self, self, SIGRTMIN + i, &info);
  }
  union sigval value = {.sival_int = 100};
  sigqueue(self, SIGRTMIN + 5, value);
  kill(self, SIGUSR1);
  sigdelset(&all, SIGUSR2);
  sigprocmask(SIG_SETMASK, &all, NULL);
  raise(SIGUSR2);
}

static siginfo_t infos[16];

static void peek(pid_t pid, uint64_t offset, uint32_t flags, int32_t nr) {
  struct ptrace_peeksiginfo_args args = {offset, flags, nr};
  memset(infos, 0, sizeof infos);
  long answer = pt(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)infos);
  say("offset %lu flags %u nr %d: %s", offset, flags, nr, answer_words(answer));
  for (long i = 0; i < answer; i++) {
    int rt = infos[i].si_signo - SIGRTMIN;
    if (rt > 0) {
      say("  SIGRTMIN+%d code=%s pid=%s value=%d", rt, code_words(infos[i].si_signo, infos[i].si_code),
          pid_words(infos[i].si_pid), infos[i].si_value.sival_int);
    } else {
      say("  %s", siginfo_words(&infos[i]));
    }
  }
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  peek(pid, 0, 0, 4);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR2));
  peek(pid, 0, 0, 0);
  peek(pid, 0, 0, 1);
  peek(pid, 0, 0, 16);
  peek(pid, 1, 0, 1);
  peek(pid, 2, 0, 16);
  peek(pid, 3, 0, 16);
  peek(pid, ~0UL, 0, 16);
  peek(pid, 0, PTRACE_PEEKSIGINFO_SHARED, 16);
  peek(pid, 1, PTRACE_PEEKSIGINFO_SHARED, 16);
  peek(pid, 0, 0, -1);
  peek(pid, 0, 2, 1);
  peek(pid, 0, 3, 1);
  say("arguments NULL: %s", answer_words(pt(PTRACE_PEEKSIGINFO, pid, 0, (unsigned long)infos)));
  struct ptrace_peeksiginfo_args args = {0, 0, 2};
  say("buffer NULL: %s", answer_words(pt(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, 0)));
  char* edge = hole();
  say("room for one: %s", answer_words(pt(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args,
                                          (unsigned long)edge - sizeof(siginfo_t))));
  end_child(pid);
  return 0;
}
