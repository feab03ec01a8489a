// SECCOMP_RET_TRACE with TRACESECCOMP: EVENT_SECCOMP after the syscall-enter-stop, the filter's data as
// message; the tracer may change the call or skip it with -1.

#include "seccomp.h"

static void body(void) {
  filter_call(SYS_getppid, SECCOMP_RET_TRACE | 0x1234);
  say("CHILD: allowed %d", syscall(SYS_getppid) > 0);
  say("CHILD: turned into getpid %d", syscall(SYS_getppid) == getpid());
  say("CHILD: skipped %ld", raw(syscall(SYS_getppid)));
  say("CHILD: skipped with a result %ld", raw(syscall(SYS_getppid)));
  say("CHILD: under PTRACE_SYSCALL %d", syscall(SYS_getppid) > 0);
}

static void tell_stop(pid_t pid) {
  tell_siginfo(pid);
  tell_event_number(pid);
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  long size = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  say("GET_SYSCALL_INFO %ld, op %d, nr %d, data %#x", size, info.op,
      info.op == PTRACE_SYSCALL_INFO_SECCOMP ? (int)info.seccomp.nr : -1,
      info.op == PTRACE_SYSCALL_INFO_SECCOMP ? info.seccomp.ret_data : 0);
  long rax = registers(pid).rax;
  say("orig_rax %ld rax %s", (long)registers(pid).orig_rax, rax > 0 ? pid_words(rax) : answer_words(rax));
}

#define ORIG_RAX offsetof(struct user_regs_struct, orig_rax)
#define RAX offsetof(struct user_regs_struct, rax)

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_POKEUSR, pid, ORIG_RAX, SYS_getpid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_POKEUSR, pid, ORIG_RAX, -1L);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_POKEUSR, pid, ORIG_RAX, -1L);
  tell_pt(PTRACE_POKEUSR, pid, RAX, 77);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("PTRACE_SYSCALL from the event: the exit-stop");
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);

  say("PTRACE_SYSCALL before: enter, event, exit");
  pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  tell_stop(pid);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_stop(pid);
  say("a signal given at the event");
  tell_pt(PTRACE_SYSCALL, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  end_child(pid);
  return 0;
}
