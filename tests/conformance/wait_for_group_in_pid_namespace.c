// Inside a pid namespace: waits for a process group by its number, also when its leader is gone.

#include "guest.h"

static void leads_group(int end) {
  setpgid(0, 0);
  const pid_t member = fork();
  NEED(member >= 0);
  if (member == 0) block_forever();
  NEED(write(end, &member, sizeof member) == sizeof member);
}

static void waits_for_group(int reaped) {
  int ends[2];
  NEED(pipe(ends) == 0);
  const pid_t leader = fork();
  NEED(leader >= 0);
  if (leader == 0) {
    leads_group(ends[1]);
    _exit(0);
  }
  pid_t member;
  NEED(read(ends[0], &member, sizeof member) == sizeof member);
  name_pid(leader, "LEADER");
  name_pid(member, "MEMBER");
  siginfo_t info;
  NEED(waitid_raw(P_PID, leader, &info, WEXITED | WNOWAIT) == 0);
  if (reaped) tell_wait(leader, 0);
  tell_pt(PTRACE_ATTACH, member, 0, 0);
  tell_waitid(P_PGID, leader, WSTOPPED);
  tell_pt(PTRACE_CONT, member, 0, 0);
  NEED(kill(member, SIGUSR1) == 0);
  tell_waitid(P_PGID, leader, WSTOPPED);
  tell_pt(PTRACE_CONT, member, 0, SIGUSR1);
  if (!reaped) tell_wait(leader, 0);
  tell_wait(-leader, 0);
  tell_wait(-leader, 0);
}

int main(void) {
  start();
  for (int reaped = 0; reaped < 2; ++reaped) {
    const pid_t init = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    NEED(init >= 0);
    if (init == 0) {
      waits_for_group(reaped);
      _exit(7);
    }
    name_pid(init, "INIT");
    tell_wait(init, 0);
  }
  return 0;
}
