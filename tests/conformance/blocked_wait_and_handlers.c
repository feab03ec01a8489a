// A handler that runs while wait4 or waitid is blocked: EINTR, or with SA_RESTART the wait goes on (man 7
// signal). The waiter waits for a running tracee; an ignored signal does not disturb it.

#include "guest.h"

static volatile sig_atomic_t handled;
static pid_t tracee;

static void handler(int signal) {
  // Only a wait that was restarted needs the end of what it waits for.
  if (signal == SIGUSR2 && handled == 0) {
    say("handles %s", signal_words(signal));
    kill(tracee, SIGKILL);
  }
  handled = 1;
}

// Sends `signal` to the guest again and again: the first may come before the guest is blocked.
static pid_t kick(int signal) {
  handled = 0;
  pid_t parent = getpid();
  pid_t pid = fork();
  NEED(pid >= 0);
  while (pid == 0) {
    favour_others();
    kill(parent, signal);
  }
  return pid;
}

int main(void) {
  start();
  struct sigaction once = {.sa_handler = handler};
  struct sigaction restart = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &once, NULL);
  sigaction(SIGUSR2, &restart, NULL);
  signal(SIGWINCH, SIG_IGN);

  tracee = spawn_seized("TRACEE", block_forever, 0);
  say("without SA_RESTART");
  pid_t kicker = kick(SIGUSR1);
  tell_wait(tracee, 0);
  end_child(kicker);
  kicker = kick(SIGUSR1);
  tell_waitid(P_PID, tracee, WSTOPPED | WEXITED);
  end_child(kicker);
  say("with SA_RESTART");
  kicker = kick(SIGUSR2);
  tell_wait(tracee, 0);
  end_child(kicker);
  tracee = spawn_seized("TRACEE", block_forever, 0);
  kicker = kick(SIGUSR2);
  tell_waitid(P_PID, tracee, WSTOPPED | WEXITED);
  end_child(kicker);
  say("ignored");
  tracee = spawn_seized("TRACEE", block_forever, 0);
  pid_t ender = fork();
  if (ender == 0) {
    favour_others();
    kill(getppid(), SIGWINCH);
    favour_others();
    kill(tracee, SIGKILL);
    _exit(0);
  }
  tell_wait(tracee, 0);
  need_wait(ender, EXITED(0));
  return 0;
}
