// PTRACE_SETSIGINFO succeeds at every stop that has a siginfo. At a signal-delivery-stop it is what the
// handler gets; at others only PTRACE_GETSIGINFO and PTRACE_LISTEN look at it, and the tracee goes on as
// ever, also if it says that of a PTRACE_EVENT_EXIT, or of no PTRACE_EVENT_STOP in a group-stop whose tracer
// then dies.

#include "guest.h"

enum { LIKE_EXIT = SIGTRAP | PTRACE_EVENT_EXIT << 8 };

static siginfo_t* got;
static Gate go;
static void handler(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  *got = *info;
}
static void body(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  gate_pass(go);
  syscall(SYS_tgkill, getpid(), gettid_raw(), SIGUSR1);
  syscall(SYS_tgkill, getpid(), gettid_raw(), SIGTRAP);
  // A process may send this to itself.
  siginfo_t info = {.si_signo = SIGTRAP, .si_code = LIKE_EXIT, .si_pid = 4, .si_uid = 2};
  syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid_raw(), SIGTRAP, &info);
  syscall(SYS_getppid);
  _exit(3);
}

static void set(pid_t pid, int signal, int code) {
  siginfo_t info = {.si_signo = signal, .si_code = code};
  info.si_pid = 7;
  tell_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
  siginfo_t now = {0};
  tell_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&now);
  say("%s code %#x pid %d", signal_words(now.si_signo), now.si_code, now.si_pid);
}
static void tell_got(pid_t pid) {
  tell_wait(pid, 0);
  say("handler: %s code %#x pid %d", signal_words(got->si_signo), got->si_code, got->si_pid);
}

static void every_stop(void) {
  pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  set(pid, SIGTRAP, LIKE_EXIT);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  tell_wait(pid, 0);
  set(pid, SIGUSR1, SI_QUEUE);
  need_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_got(pid);
  set(pid, SIGTRAP, LIKE_EXIT);
  set(pid, SIGTRAP, SI_QUEUE);
  set(pid, SIGTRAP, LIKE_EXIT);
  need_pt(PTRACE_CONT, pid, 0, SIGTRAP);
  tell_got(pid);
  siginfo_t info = {0};
  tell_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("%s code %#x pid %d", signal_words(info.si_signo), info.si_code, info.si_pid);
  need_pt(PTRACE_SYSCALL, pid, 0, SIGTRAP);
  for (int stop = 0; stop < 4; stop++) {  // of rt_sigreturn and getppid
    need_wait(pid, SYSGOOD_STOP);
    if (stop >= 1) set(pid, SIGTRAP, LIKE_EXIT);
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
  }
  need_wait(pid, SYSGOOD_STOP);
  say("handler: %s code %#x pid %d", signal_words(got->si_signo), got->si_code, got->si_pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  set(pid, SIGUSR1, SI_USER);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
}

static void continued(void) {
  gate_pass(go);
  _exit(6);
}
static void tracer_dies(void) {
  pid_t pid = spawn("STOPPED", continued);
  kill(pid, SIGSTOP);
  tell_wait(pid, WUNTRACED);
  pid_t tracer = fork();
  if (tracer == 0) {
    tell_pt(PTRACE_SEIZE, pid, 0, 0);
    need_wait(pid, EVENT_STOP(SIGSTOP));
    set(pid, SIGSTOP, SI_USER);
    tell_pt(PTRACE_LISTEN, pid, 0, 0);
    _exit(0);
  }
  name_pid(tracer, "TRACER");
  tell_wait(tracer, 0);
  kill(pid, SIGCONT);
  tell_wait(pid, WCONTINUED);
  gate_open(go);
  tell_wait(pid, 0);
}

int main(void) {
  start();
  got = shared_memory(sizeof *got);
  go = gate_new();
  every_stop();
  tracer_dies();
  return 0;
}
