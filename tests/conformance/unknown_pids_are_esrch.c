// ptrace(2): whatever the request, a pid that names no thread is ESRCH: unknown, 0, -1, INT_MIN, one
// already reaped. So is a thread that exists and is not the caller's tracee.

#include "guest.h"

static const long requests[] = {PTRACE_PEEKDATA,
                                PTRACE_PEEKUSR,
                                PTRACE_CONT,
                                PTRACE_KILL,
                                PTRACE_GETREGS,
                                PTRACE_ATTACH,
                                PTRACE_DETACH,
                                PTRACE_SETOPTIONS,
                                PTRACE_GETREGSET,
                                PTRACE_SEIZE,
                                PTRACE_INTERRUPT,
                                PTRACE_LISTEN,
                                999};

static void try_all(pid_t pid) {
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) tell_pt(requests[i], pid, 0, 0);
}

static void nothing(void) {}

int main(void) {
  start();
  try_all(0);
  try_all(-1);
  try_all(INT_MIN);
  try_all(INT_MAX);
  pid_t gone = spawn("REAPED", nothing);
  need_wait(gone, EXITED(0));
  try_all(gone);

  pid_t child = spawn_blocked("NOT_A_TRACEE");
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    if (requests[i] == PTRACE_ATTACH || requests[i] == PTRACE_SEIZE) continue;
    tell_pt(requests[i], child, 0, 0);
  }
  end_child(child);
  return 0;
}
