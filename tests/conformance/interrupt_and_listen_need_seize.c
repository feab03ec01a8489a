// ptrace(2): INTERRUPT and LISTEN are for seized tracees, else EIO; LISTEN is EIO outside of an
// EVENT_STOP. On a running tracee LISTEN is ESRCH, INTERRUPT of an attached one EIO.

#include "guest.h"

static Gate gate;
static void body(void) {
  gate_pass(gate);
  raise(SIGUSR1);
}

int main(void) {
  start();
  gate = gate_new();
  say("attached, stopped");
  pid_t pid = spawn_stopped("ATTACHED", body);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  say("attached, running");
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  end_child(pid);

  say("seized, running");
  pid = spawn_seized("SEIZED", body, PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  gate_open(gate);
  say("seized, signal-delivery-stop");
  tell_wait(pid, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  say("seized, EVENT_EXIT");
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
