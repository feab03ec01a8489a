// A 32-bit tracer of a 32-bit tracee: the everyday requests with their 32-bit layouts and limits.

#include "guest.h"

static volatile unsigned target = 0x11223344;
static void body(void) {
  raise(SIGUSR1);
  syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
  raise(SIGUSR2);
  syscall(SYS_exit_group, 5);
}

int main(void) {
  start();
  pid_t pid = spawn_traced("CHILD", body);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0x400000);
  tell_pt(PTRACE_CONT, pid, 0, 65);
  tell_pt(PTRACE_CONT, pid, 0, -1L);
  tell_pt(999, pid, 0, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  struct rusage usage;
  memset(&usage, 0x5a, sizeof usage);
  int status;
  NEED(raw(syscall(SYS_wait4, pid, &status, 0, &usage)) == pid);
  say("%s, maxrss %d", status_words(status), usage.ru_maxrss > 0 && usage.ru_maxrss < 1000000);
  tell_siginfo(pid);

  unsigned word = 0;
  long answer = pt(PTRACE_PEEKDATA, pid, (unsigned long)&target, (unsigned long)&word);
  say("PEEKDATA %s, %#x", answer_words(answer), word);
  tell_pt(PTRACE_POKEDATA, pid, (unsigned long)&target, 0x55667788);
  answer = pt(PTRACE_PEEKTEXT, pid, (unsigned long)&target, (unsigned long)&word);
  say("PEEKTEXT %s, %#x", answer_words(answer), word);
  say("PEEKDATA NULL %s", answer_words(pt(PTRACE_PEEKDATA, pid, 0, (unsigned long)&word)));
  say("PEEKDATA to NULL %s", answer_words(pt(PTRACE_PEEKDATA, pid, (unsigned long)&target, 0)));
  say("GETREGS to NULL %s", answer_words(pt(PTRACE_GETREGS, pid, 0, 0)));
  struct user_regs_struct regs = registers(pid);
  say("struct user_regs_struct %zu, cs %#lx, ss %#lx", sizeof regs, (long)regs.xcs, (long)regs.xss);
  static const long offsets[] = {0,
                                 2,
                                 4,
                                 64,
                                 68,
                                 72,
                                 offsetof(struct user, u_debugreg),
                                 offsetof(struct user, u_debugreg) + 16,
                                 offsetof(struct user, u_debugreg) + 24,
                                 sizeof(struct user) - 4,
                                 sizeof(struct user)};
  for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
    answer = pt(PTRACE_PEEKUSR, pid, offsets[i], (unsigned long)&word);
    long poke = offsets[i] >= 72 ? pt(PTRACE_POKEUSR, pid, offsets[i], 0) : 0;
    say("offset %ld: PEEKUSER %s, POKEUSER %s", offsets[i], answer_words(answer), answer_words(poke));
  }
  static char buffer[8192];
  static const struct {
    const char* name;
    unsigned type;
  } types[] = {{"PRSTATUS", NT_PRSTATUS},
               {"PRFPREG", NT_PRFPREG},
               {"PRXFPREG", NT_PRXFPREG},
               {"386_TLS", NT_386_TLS},
               {"0", 0}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct iovec iov = {buffer, sizeof buffer};
    answer = pt(PTRACE_GETREGSET, pid, types[i].type, (unsigned long)&iov);
    say("GETREGSET %s: %s, length %zu", types[i].name, answer_words(answer), iov.iov_len);
  }
  say("GETFPREGS %s, GETFPXREGS %s", answer_words(pt(PTRACE_GETFPREGS, pid, 0, (unsigned long)buffer)),
      answer_words(pt(PTRACE_GETFPXREGS, pid, 0, (unsigned long)buffer)));
  say("ARCH_PRCTL %s", answer_words(pt(PTRACE_ARCH_PRCTL, pid, 0, 0x1003)));
  say("GET_THREAD_AREA 6 %s, 0 %s", answer_words(pt(PTRACE_GET_THREAD_AREA, pid, 12, (unsigned long)buffer)),
      answer_words(pt(PTRACE_GET_THREAD_AREA, pid, 0, (unsigned long)buffer)));
  uint64_t mask = 0;
  answer = pt(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask);
  say("GETSIGMASK %s, %#llx", answer_words(answer), (unsigned long long)mask);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  tell_siginfo(pid);
  tell_event_number(pid);
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  answer = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  say("GET_SYSCALL_INFO %ld: op %d arch %#x nr %ld args %ld %ld %ld %ld %ld %ld", answer, info.op, info.arch,
      (long)info.entry.nr, (long)info.entry.args[0], (long)info.entry.args[1], (long)info.entry.args[2],
      (long)info.entry.args[3], (long)info.entry.args[4], (long)info.entry.args[5]);
  regs = registers(pid);
  say("orig_eax %ld eax %s", (long)regs.orig_eax, answer_words(regs.eax));
  regs.orig_eax = SYS_getpid;
  tell_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  say("eax is the pid: %d", registers(pid).eax == pid);
  tell_pt(PTRACE_SINGLESTEP, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_wait(pid, 0);
  return 0;
}
