// DETACH's signal is delivered at a signal-delivery-stop, ignored at others but syscall-stops; 0 drops the
// one that stopped. A seized and an attached tracee the same. Detached, it can be attached again.

#include "guest.h"

static void body(void) {
  raise(SIGUSR1);
  syscall(SYS_getppid);
  syscall(SYS_exit_group, 5);
}

int main(void) {
  start();
  for (int seized = 0; seized < 2; seized++) {
    for (int signal = 0; signal <= SIGTERM; signal += SIGTERM) {
      say("== %s, %s", seized ? "seized" : "attached", signal_words(signal));
      const char* name = seized ? "SEIZED" : "ATTACHED";
      static const char* const kinds[] = {"signal-delivery-stop", "syscall-enter-stop", "syscall-exit-stop",
                                          "EVENT_STOP or group-stop", "EVENT_EXIT"};
      for (int kind = 0; kind < 5; kind++) {
        pid_t pid;
        if (seized) {
          pid = spawn_seized(name, body, PTRACE_O_TRACEEXIT);
        } else {
          pid = spawn_stopped(name, body);
          need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
          need_pt(PTRACE_CONT, pid, 0, 0);
        }
        need_wait(pid, STOPPED(SIGUSR1));
        if (kind == 1 || kind == 2) need_enter(pid, SYS_getppid, SYSCALL_STOP);
        if (kind == 2) {
          need_pt(PTRACE_SYSCALL, pid, 0, 0);
          need_wait(pid, SYSCALL_STOP);
        }
        if (kind == 3 && seized) {
          need_pt(PTRACE_INTERRUPT, pid, 0, 0);
          need_pt(PTRACE_CONT, pid, 0, 0);
          need_wait(pid, EVENT_STOP(SIGTRAP));
        } else if (kind == 3) {
          need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
          need_wait(pid, STOPPED(SIGSTOP));
          kill(pid, SIGCONT);
        }
        if (kind == 4) {
          need_pt(PTRACE_CONT, pid, 0, 0);
          need_wait(pid, EVENT(PTRACE_EVENT_EXIT));
        }
        say("%s", kinds[kind]);
        tell_pt(PTRACE_DETACH, pid, 0, signal);
        tell_wait(pid, 0);
      }
    }
  }
  say("attached again");
  pid_t pid = spawn_stopped("CHILD", block_forever);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_pt(PTRACE_SEIZE, pid, 0, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  tell_wait(pid, 0);
  end_child(pid);
  return 0;
}
