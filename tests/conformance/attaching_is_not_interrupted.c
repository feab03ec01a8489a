// PTRACE_SEIZE of a running task does not wait, so no signal of the caller interrupts it: a handler finds it
// not yet begun or already done, whatever the task is about to stop for. (A timer may come between the two
// instructions of a call; so a few such rounds are none.)

#include <time.h>
#include <ucontext.h>

#include "guest.h"

enum { ROUNDS = 200, A_FEW = 5 };

static volatile int attaching, interrupted;

static void ignore(int signo) { (void)signo; }

static void raises(void) {
  signal(SIGUSR1, ignore);
  for (;;) raise(SIGUSR1);
}

// Is it in front of the call, which is made (again) once it returns?
static void look(int signo, siginfo_t* info, void* context) {
  const ucontext_t* at = context;
  const greg_t* regs = at->uc_mcontext.gregs;
  const unsigned char* code = (const unsigned char*)regs[REG_RIP];
  (void)signo, (void)info;
  if (attaching && code[0] == 0x0f && code[1] == 0x05 && regs[REG_RAX] == SYS_ptrace) {
    ++interrupted;
    attaching = 0;
  }
}

int main(void) {
  const struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_RESTART};
  start();
  const pid_t pid = spawn("CHILD", raises);
  sigaction(SIGUSR2, &action, NULL);
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
  const struct itimerspec every = {{0, 150000}, {0, 150000}};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &every, NULL) == 0);
  for (int round = 0; round < ROUNDS; ++round) {
    attaching = 1;
    need_pt(PTRACE_SEIZE, pid, 0, 0);
    attaching = 0;
    need_pt(PTRACE_INTERRUPT, pid, 0, 0);
    int status;
    do {
      while (wait4_raw(pid, &status, __WALL) == -EINTR) continue;
      if (status >> 16 == 0) need_pt(PTRACE_CONT, pid, 0, WSTOPSIG(status));
    } while (status >> 16 == 0);
    need_pt(PTRACE_DETACH, pid, 0, 0);
  }
  say("%d attaches, %s interrupted\n", ROUNDS, interrupted < A_FEW ? "none" : "some");
  const struct itimerspec never = {{0, 0}, {0, 0}};
  timer_settime(timer, 0, &never, NULL);
  end_child(pid);
  return 0;
}
