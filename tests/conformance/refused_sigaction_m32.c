// The structures of a 32-bit rt_sigaction(2) and of the old sigaction(2): what can't be read to its end, or
// has a signal set of another size, is refused and changes nothing; else SA_NOCLDSTOP counts.

#include "sigchld.h"

static void body(void) {
  for (;;) raise(SIGUSR1);
}

static pid_t pid;

static void tell_handled(void) {
  handled = 0;
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR1));
  stop_was_told(pid);
  say("handled %d", handled);
}

static void handle(void) {
  struct sigaction action = {.sa_handler = count_handled, .sa_flags = SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
}

// An action whose flags stand in word `flags`, of which `size` bytes can be read.
static void try(long number, const char* name, int flags, size_t size, size_t set_size) {
  uint32_t action[5] = {(uint32_t)count_handled, 0, 0, 0, 0};
  action[flags] = SA_RESTART | SA_NOCLDSTOP;
  char* at = (char*)0x201000 - size;
  memcpy(at, action, size);
  say("%s, %zu bytes, set of %zu: %s", name, size, set_size,
      answer_words(raw(syscall(number, SIGCHLD, at, NULL, set_size))));
  tell_handled();
  handle();
}

int main(void) {
  start();
  handle();
  pid = spawn_stopped("CHILD", body);
  NEED(hole() == (char*)0x201000);
  static const size_t sizes[] = {8, 12, 15, 16, 19, 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    try(SYS_rt_sigaction, "rt_sigaction", 1, sizes[i], 8);
    if (sizes[i] <= 16) try(SYS_sigaction, "sigaction", 2, sizes[i], 4);
  }
  try(SYS_rt_sigaction, "rt_sigaction", 1, 20, 4);
  end_child(pid);
  return 0;
}
