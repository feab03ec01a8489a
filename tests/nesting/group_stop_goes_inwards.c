// SIGSTOP stops the tracee for OUTER, then for INNER; the group-stop that follows is OUTER's first, too.
// SIGCONT ends it for whoever listens and for whoever has resumed it. It is over for a listener only, and the
// tracee runs only, when no tracer keeps it.

#include "nesting.h"

static Gate go;

static void tracee(void) {
  send(TRACEE, SIGSTOP);
  gate_pass(go);
  say("runs");
}

// OUTER sends SIGCONT if it is there.
static void end_stop(pid_t who) {
  if (nest_state.self != role_of(who)) return;
  send(TRACEE, SIGCONT);
  gate_open(go);
}
static void sigcont(void) {
  if (both()) {
    if (nest_state.self == kOuter) {
      my_turn(INNER);
    } else {
      hand_to(OUTER);
    }
  }
  end_stop(with_outer() ? OUTER : INNER);
}

static void to_group_stop(long request) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGSTOP);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(request, TRACEE, 0);
}

static void from_group_stop(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGCONT);
  tell_end(TRACEE);
}

static void listen_to_the_end(void) {
  to_group_stop(PTRACE_LISTEN);
  sigcont();
  from_group_stop();
}
static void cont_to_the_end(void) {
  to_group_stop(PTRACE_CONT);
  sigcont();
  from_group_stop();
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"both listen", .outer = listen_to_the_end, .inner = listen_to_the_end, .tracee = tracee},
      {"OUTER listens, INNER continues", .outer = listen_to_the_end, .inner = cont_to_the_end,
       .tracee = tracee},
      {"OUTER continues, INNER listens", .outer = cont_to_the_end, .inner = listen_to_the_end,
       .tracee = tracee},
      {"both continue", .outer = cont_to_the_end, .inner = cont_to_the_end, .tracee = tracee},
  };
  go = gate_new();
  return nest_each(argc, argv, stories, 4);
}
