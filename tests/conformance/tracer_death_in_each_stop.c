// ptrace(2): when the tracer ends, its tracees are detached. A signal whose stop was waited for is dropped,
// one whose stop was not is delivered; a syscall-stop without TRACESYSGOOD that was not waited for turns into
// a SIGTRAP.

#include "tracer_death.h"

static void while_running(pid_t child) { (void)child; }
static void to_signal(pid_t child) { need_wait(child, STOPPED(SIGUSR1)); }
static void to_signal_unwaited(pid_t child) { peek_stop(child); }
static void to_signal_interrupted(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_INTERRUPT, child, 0, 0);
}
static void to_event_stop(pid_t child) {
  to_signal_interrupted(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  need_wait(child, EVENT_STOP(SIGTRAP));
}
static void to_event_stop_unwaited(pid_t child) {
  to_signal_interrupted(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  peek_stop(child);
}
static void to_syscall(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SYSCALL, child, 0, 0);
  int status;
  NEED(wait4_raw(child, &status, 0) == child);
  say("at %s", status_words(status));
}
static void to_syscall_unwaited(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SYSCALL, child, 0, 0);
  peek_stop(child);
}
static void to_syscall_exit_unwaited(pid_t child) {
  to_syscall(child);
  need_pt(PTRACE_SYSCALL, child, 0, 0);
  peek_stop(child);
}
static void to_step_unwaited(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SINGLESTEP, child, 0, 0);
  peek_stop(child);
}
static void to_step(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_SINGLESTEP, child, 0, 0);
  need_wait(child, STOPPED(SIGTRAP));
}
static void to_fork_unwaited(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  peek_stop(child);
}
static void to_fork(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  need_wait(child, EVENT(PTRACE_EVENT_FORK));
}
static void to_exit(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, SIGUSR2);
  need_wait(child, EVENT(PTRACE_EVENT_EXIT));
}
static void to_zombie(pid_t child) {
  to_signal(child);
  need_pt(PTRACE_CONT, child, 0, SIGUSR2);
  peek_stop(child);
}

int main(void) {
  start();
  static const struct {
    const char* title;
    unsigned long options;
    void (*tracer)(pid_t);
  } cases[] = {{"running", 0, while_running},
               {"signal-delivery-stop, waited", 0, to_signal},
               {"signal-delivery-stop, not waited", 0, to_signal_unwaited},
               {"signal-delivery-stop, waited, INTERRUPT pending", 0, to_signal_interrupted},
               {"EVENT_STOP, waited", 0, to_event_stop},
               {"EVENT_STOP, not waited", 0, to_event_stop_unwaited},
               {"syscall-stop, waited", 0, to_syscall},
               {"syscall-stop, not waited", 0, to_syscall_unwaited},
               {"syscall-stop with TRACESYSGOOD, waited", PTRACE_O_TRACESYSGOOD, to_syscall},
               {"syscall-stop with TRACESYSGOOD, not waited", PTRACE_O_TRACESYSGOOD, to_syscall_unwaited},
               {"syscall-exit-stop, not waited", 0, to_syscall_exit_unwaited},
               {"step, not waited", 0, to_step_unwaited},
               {"step, waited", 0, to_step},
               {"EVENT_FORK, waited", PTRACE_O_TRACEFORK, to_fork},
               {"EVENT_FORK, not waited", PTRACE_O_TRACEFORK, to_fork_unwaited},
               {"EVENT_EXIT, waited", PTRACE_O_TRACEEXIT, to_exit},
               {"zombie, not reaped", 0, to_zombie}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    tell_end(run_tracer(cases[i].title, cases[i].options, cases[i].tracer));
  }
  return 0;
}
