// OUTER follows the forks of INNER. So INNER's child is traced before it asks to be traced by INNER
// (PTRACE_TRACEME), which is what a debugger that starts its program inside `strace -f` does.

#include "nesting.h"

static void tracee(void) {}

static void child_body(void) {
  const long answer = pt(PTRACE_TRACEME, 0, 0, 0);
  if (answer != 0) {
    say("TRACEME = %s", answer_words(answer));
    end_of_story();
  }
  send(getpid(), SIGSTOP);
  exec_self("7");
}

static void inner(void) {
  my_turn(OUTER);
  const pid_t child = spawn("CHILD", child_body);
  tell_stop(child);
  tell_pt(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXEC);
  tell_go(PTRACE_CONT, child, 0);
  tell_stop(child);
  tell_go(PTRACE_CONT, child, 0);
  tell_end(child);
}

static void outer(void) {
  if (!both()) return;
  need_pt(PTRACE_SEIZE, INNER, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC);
  hand_to(INNER);
  starred();
  tell_stop(INNER);
  const pid_t child = event_message(INNER);
  name_pid(child, "CHILD");
  tell_go(PTRACE_CONT, INNER, 0);
  tell_stop(child);
  tell_go(PTRACE_CONT, child, 0);
  tell_stop(child);
  tell_go(PTRACE_CONT, child, SIGSTOP);
  tell_stop(child);
  tell_go(PTRACE_CONT, child, 0);
  tell_end(child);
  tell_end(INNER);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee, .by_hand = 1});
}
