// INNER is OUTER's tracee and TRACEE's tracer: OUTER sees INNER's waits and requests as system calls of
// INNER, and may interrupt INNER in a wait, or give it a signal there, or suppress one. For INNER a wait is
// what it always is.

#include "nesting.h"

static void handler(int signal) { (void)signal; }

static void tracee(void) {
  my_turn(TRACEE);
  send(TRACEE, SIGUSR1);
}

// Says nothing while OUTER traces its calls.
static void inner(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR2, &action, NULL);
  int status = 0;
  if (with_outer()) {
    send(INNER, SIGUSR1);  // here I am; suppressed
    const long interrupted = wait4_raw(TRACEE, &status, __WALL);
    say_both("wait4 = %s", answer_words(interrupted));
    send(INNER, SIGUSR1);
  } else {
    hand_to(TRACEE);
  }
  const long waited = wait4_raw(TRACEE, &status, __WALL);
  const long resumed = pt(PTRACE_CONT, TRACEE, 0, 0);
  const long twice = pt(PTRACE_CONT, TRACEE, 0, 0);
  if (with_outer()) send(INNER, SIGUSR1);
  say("wait4 = %s: %s, CONT %s, CONT %s", pid_words(waited), status_words(status), answer_words(resumed),
      answer_words(twice));
  hand_to(OUTER);
  tell_end(TRACEE);
}

// INNER's calls until it sends itself SIGUSR1 again.
static void tell_calls(void) {
  for (;;) {
    int status = 0;
    NEED(wait4_raw(INNER, &status, __WALL) == INNER);
    if (status == STOPPED(SIGUSR1)) break;
    const unsigned long message = event_message(INNER);
    struct user_regs_struct regs = registers(INNER);
    if (regs.orig_rax == SYS_wait4 || regs.orig_rax == SYS_ptrace) {
      if (message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
        say("INNER: enter %s", call_words(regs.orig_rax));
      } else {
        const long result = regs.rax;
        say("INNER: exit %s = %s", call_words(regs.orig_rax),
            result > 0 ? pid_words(result) : answer_words(result));
      }
    }
    // In the wait: TRACEE stops, for OUTER and then for INNER.
    if (regs.orig_rax == SYS_wait4 && message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
      tell_go(PTRACE_SYSCALL, INNER, 0);
      hand_to(TRACEE);
      tell_stop(TRACEE);
      tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
    } else {
      need_pt(PTRACE_SYSCALL, INNER, 0, 0);
    }
  }
}

// INNER goes on into its wait, and is in it for certain.
static void into_wait(void) {
  tell_go(PTRACE_SYSCALL, INNER, 0);
  tell_call(INNER);
  tell_go(PTRACE_CONT, INNER, 0);
}

static void with_both(void) {
  starred();
  tell_stop(INNER);
  into_wait();
  // An interrupt, and a signal that is suppressed: INNER's wait begins anew.
  tell_pt(PTRACE_INTERRUPT, INNER, 0, 0);
  tell_stop(INNER);
  into_wait();
  send(INNER, SIGUSR2);
  tell_stop(INNER);
  into_wait();
  // A signal with a handler: it ends with EINTR.
  send(INNER, SIGUSR2);
  tell_stop(INNER);
  tell_go(PTRACE_CONT, INNER, SIGUSR2);
  tell_stop(INNER);
  tell_go(PTRACE_SYSCALL, INNER, 0);
  tell_calls();
  tell_go(PTRACE_CONT, INNER, 0);
  plain();
}

static void outer(void) {
  if (with_inner()) {
    with_both();
  } else {
    hand_to(TRACEE);
    need_wait(TRACEE, STOPPED(SIGUSR1));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
  }
  my_turn(INNER);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
