// PTRACE_O_EXITKILL: the tracee is killed when its tracer ends, whatever it is doing; also children it forked
// while traced, if they inherited the option.

#include "tracer_death.h"

static void while_running(pid_t child) { (void)child; }
static void to_signal(pid_t child) { need_wait(child, STOPPED(SIGUSR1)); }
static void to_syscall_unwaited(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SYSCALL, child, 0, 0);
  peek_stop(child);
}
static void to_exit(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, SIGUSR2);
  need_wait(child, EVENT(PTRACE_EVENT_EXIT));
}
static void to_group_stop(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, SIGSTOP);
  need_wait(child, EVENT_STOP(SIGSTOP));
}
static void to_listen(pid_t child) {
  to_group_stop(child);
  need_pt(PTRACE_LISTEN, child, 0, 0);
}
static void detached(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_DETACH, child, 0, 0);
}
static void taken_away(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SETOPTIONS, child, 0, 0);
}

int main(void) {
  start();
  static const struct {
    const char* title;
    void (*tracer)(pid_t);
  } cases[] = {{"running", while_running},
               {"signal-delivery-stop", to_signal},
               {"syscall-stop", to_syscall_unwaited},
               {"EVENT_EXIT", to_exit},
               {"group-stop", to_group_stop},
               {"listening", to_listen},
               {"detached before", detached},
               {"option taken away", taken_away}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned long options = PTRACE_O_EXITKILL | (cases[i].tracer == to_exit ? PTRACE_O_TRACEEXIT : 0);
    tell_end(run_tracer(cases[i].title, options, cases[i].tracer));
  }
  return 0;
}
