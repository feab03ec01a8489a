// SECCOMP_MODE_STRICT of a 32-bit thread, which may use the old sigreturn(2), and not rt_sigreturn(2).

#include "guest.h"

static void strict(void) { NEED(syscall(SYS_prctl, PR_SET_SECCOMP, 1, 0, 0, 0) == 0); }

static void write_word(const char* text) {
  if (syscall(SYS_write, 1, text, strlen(text)) < 0) syscall(SYS_exit, 99);
}

static void calls_getppid(void) { syscall(SYS_getppid); }
static void calls_waitpid(void) { syscall(SYS_waitpid, -1, NULL, WNOHANG); }
static void exits(void) { syscall(SYS_exit, 7); }
static void by_seccomp(void) {
  syscall(SYS_seccomp, 0, 0, NULL);
  exits();
}

static void on_fault(int signal) {
  (void)signal;
  write_word("handler\n");
}

// int3: the handler returns behind it, by the one call or by the other.
static void handles(int flags) {
  struct sigaction action = {.sa_handler = on_fault, .sa_flags = flags};
  NEED(sigaction(SIGTRAP, &action, NULL) == 0);
  strict();
  __asm__ volatile("int3");
  write_word("behind it\n");
  exits();
}
static void uses_sigreturn(void) { handles(0); }
static void uses_rt_sigreturn(void) { handles(SA_SIGINFO); }

static Body last;
static void strict_then_last(void) {
  strict();
  last();
}

static void* in_a_thread(void* unused) {
  (void)unused;
  strict_then_last();
  return NULL;
}

static void runs_a_thread(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
  say("joined");
  exit(5);
}

int main(void) {
  start();
  static const struct {
    const char* name;
    Body body;
    Body last;
  } ends[] = {{"getppid", strict_then_last, calls_getppid},
              {"waitpid", strict_then_last, calls_waitpid},
              {"exit", strict_then_last, exits},
              {"seccomp", by_seccomp, NULL},
              {"sigreturn", uses_sigreturn, NULL},
              {"rt_sigreturn", uses_rt_sigreturn, NULL},
              {"getppid of a thread", runs_a_thread, calls_getppid},
              {"waitpid of a thread", runs_a_thread, calls_waitpid}};
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    say("== %s", ends[i].name);
    last = ends[i].last;
    const pid_t pid = spawn("CHILD", ends[i].body);
    tell_wait(pid, 0);
  }
  return 0;
}
