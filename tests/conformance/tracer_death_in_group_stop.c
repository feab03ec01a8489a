// A tracee in a group-stop, trapped or listening, stays stopped when its tracer ends; its parent, who was
// told of the group-stop when it was complete, sees SIGCONT end it.

#include "tracer_death.h"

static void to_group_stop(pid_t child) {
  need_wait(child, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, child, 0, SIGSTOP);
  need_wait(child, EVENT_STOP(SIGSTOP));
}
static void to_listen(pid_t child) {
  to_group_stop(child);
  need_pt(PTRACE_LISTEN, child, 0, 0);
}
static void to_running(pid_t child) {
  to_group_stop(child);
  need_pt(PTRACE_SYSCALL, child, 0, 0);
  need_wait(child, SYSCALL_STOP);
}
static void unwaited(pid_t child) {
  need_wait(child, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, child, 0, SIGSTOP);
  peek_stop(child);
}

static void run(const char* title, void (*tracer)(pid_t)) {
  pid_t child = run_tracer(title, 0, tracer);
  tell_wait(child, WUNTRACED);
  tell_wait(child, WUNTRACED | WNOHANG);
  kill(child, SIGCONT);
  tell_wait(child, WCONTINUED);
  tell_end(child);
}

int main(void) {
  start();
  run("group-stop", to_group_stop);
  run("listening", to_listen);
  run("resumed by PTRACE_SYSCALL, at a syscall-stop", to_running);
  run("group-stop, not waited", unwaited);
  return 0;
}
