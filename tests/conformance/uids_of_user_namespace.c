// si_uid is a number of the user namespace of whom it is told: the tracer's in SIGCHLD and waitid(2), the
// tracee's in its own signals and ptrace-stops; the overflow uid where it has none (from_kuid_munged()).

#include "guest.h"

static sigset_t none, chld;
static volatile int handled;
static siginfo_t told;

static void handler(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  told = *info;
  handled = 1;
}

static int put(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  long written = fd < 0 ? -1 : write(fd, text, strlen(text));
  close(fd);
  return written == (long)strlen(text);
}

static void body(void) {
  kill(getpid(), SIGUSR1);
  exec_self("program");
}

static void tell_sigchld(void) {
  while (!handled) sigsuspend(&none);
  handled = 0;
  say("  SIGCHLD: uid %d, code %d", told.si_uid, told.si_code);
}

static void tell(pid_t pid, const char* stop) {
  say("%s", stop);
  tell_sigchld();
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED) == 0);
  say("  waitid: uid %d", info.si_uid);
  need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("  siginfo: code %#x, uid %d", info.si_code, info.si_uid);
}

static void traces(const char* map) {
  say("map: %s", map);
  if (unshare(CLONE_NEWUSER) != 0) skip("needs the right to make a user namespace");
  if (map[0] != 0) {
    NEED(put("/proc/self/setgroups", "deny"));
    NEED(put("/proc/self/uid_map", map));
  }
  say("uid %d", getuid());
  pid_t pid = spawn_traced("CHILD", body);
  tell(pid, "SIGSTOP");
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(pid, "SIGUSR1");
  need_pt(PTRACE_CONT, pid, 0, SIGUSR2);
  tell_sigchld();
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WEXITED) == 0);
  say("end: waitid: uid %d, status %d", info.si_uid, info.si_status);

  pid = spawn_traced("CHILD", body);
  tell(pid, "SIGSTOP");
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(pid, "SIGUSR1");
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(pid, "exec");
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell(pid, "syscall-stop");
  kill(pid, SIGKILL);
  tell_sigchld();
  NEED(waitid_raw(P_PID, pid, &info, WEXITED) == 0);
  say("end: waitid: uid %d, status %d", info.si_uid, info.si_status);

  signal(SIGCHLD, SIG_DFL);
  pid = spawn_traced("CHILD", body);
  NEED(sigwaitinfo(&chld, &info) == SIGCHLD);
  say("sigwaitinfo: uid %d, code %d", info.si_uid, info.si_code);
  end_child(pid);
  _exit(0);
}

int main(int argc, char** argv) {
  (void)argv;
  if (argc > 1) return 0;
  start();
  sigemptyset(&none);
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &chld, NULL);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGCHLD, &action, NULL) == 0);
  char map[32];
  snprintf(map, sizeof map, "5 %d 1", getuid());
  const char* const maps[] = {map, ""};
  for (int i = 0; i < 2; i++) {
    pid_t pid = fork();
    if (pid == 0) traces(maps[i]);
    int status;
    NEED(wait4_raw(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return 77;
    NEED(status == 0);
    handled = 0;
  }
  return 0;
}
