// PTRACE_PEEKDATA and PTRACE_POKEDATA by a tracer without CAP_SYS_PTRACE: EIO when the tracee is not dumpable
// (kernel/ptrace.c:ptrace_access_vm); its registers are there.

#include <grp.h>

#include "guest.h"

enum { NOBODY = 65534 };
static long word = 42;

static int become_nobody(void) {
  return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
         setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static void changes(void) {
  for (int dumpable = 0; dumpable < 2; ++dumpable) {
    NEED(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0);
    raise(SIGUSR1);
  }
  block_forever();
}

static void ask(pid_t pid) {
  long found = 0;
  struct user_regs_struct regs;
  siginfo_t info;
  const long answer = pt(PTRACE_PEEKDATA, pid, (unsigned long)&word, (unsigned long)&found);
  say("PEEKDATA: %s, %ld", answer_words(answer), found);
  say("POKEDATA: %s", answer_words(pt(PTRACE_POKEDATA, pid, (unsigned long)&word, 7)));
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs)));
  say("GETSIGINFO: %s", answer_words(pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info)));
}

static void trace(int keep_rights) {
  if (!keep_rights) NEED(become_nobody());
  NEED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
  const pid_t pid = spawn_traced("CHILD", changes);
  need_wait(pid, STOPPED(SIGSTOP));
  ask(pid);
  for (int i = 0; i < 2; ++i) {
    need_pt(PTRACE_CONT, pid, 0, 0);
    need_wait(pid, STOPPED(SIGUSR1));
    ask(pid);
  }
  kill(pid, SIGKILL);
}

int main(void) {
  start();
  pid_t probe = fork();
  if (probe == 0) _exit(become_nobody() ? 0 : 1);
  int status;
  NEED(wait4_raw(probe, &status, 0) == probe);
  if (status != 0) skip("needs the right to become somebody else");
  for (int keep_rights = 0; keep_rights < 2; ++keep_rights) {
    say("== the tracer %s", keep_rights ? "keeps its rights" : "is nobody");
    const pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      trace(keep_rights);
      _exit(0);
    }
    name_pid(pid, "TRACER");
    tell_wait(pid, 0);
  }
  return 0;
}
