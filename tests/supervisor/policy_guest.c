// policy_guest MODE: makes intercepted calls and prints what they came to. supervisor_test.cc runs it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// The result as the kernel gives it, in either ABI.
static long Call64(long nr, long a, long b, long c) {
  const long result = syscall(nr, a, b, c);
  return result < 0 ? -errno : result;
}

static long Call32(long nr, long a, long b, long c) {
  long result = nr;
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"(a), "c"(b), "d"(c)
                   : "memory", "cc", "r8", "r9", "r10", "r11");
  return (int)result;
}

static void Plain(void) {
  const long own = getpid();
  printf("getppid %ld\n", Call64(SYS_getppid, 0, 0, 0));
  printf("getpid is right: %d\n", Call64(SYS_getpid, 0, 0, 0) == own);
}

static void Plain32(void) { printf("getppid32 %ld\n", Call32(64, 0, 0, 0)); }

static void Open(void) {
  const int fd = open("/given/plain", O_RDONLY);
  char text[32] = "";
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  printf("read %zd %s cloexec %d\n", size, text, fcntl(fd, F_GETFD));
  printf("cloexec %d\n", fcntl(open("/given/cloexec", O_RDONLY | O_CLOEXEC), F_GETFD));
  const struct rlimit limit = {(rlim_t)fd, 100};
  setrlimit(RLIMIT_NOFILE, &limit);
  errno = 0;
  printf("full %d", open("/given/plain", O_RDONLY));
  printf(" %d\n", errno == EMFILE);
}

// write(2) with the argument registers as they are after it.
static void Change(void) {
  register long rdi __asm__("rdi") = 1;
  register const char* rsi __asm__("rsi") = "abcdef\n";
  register long rdx __asm__("rdx") = 7;
  long result = SYS_write;
  __asm__ volatile("syscall" : "+a"(result), "+r"(rdi), "+r"(rsi), "+r"(rdx) : : "rcx", "r11", "memory");
  const long count = rdx;
  printf(" wrote %ld, rdx %ld\n", result, count);
}

static pid_t StartTracee(void (*run)(void)) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    run();
    fflush(stdout);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  return pid;
}

static long Register(pid_t pid, size_t offset) { return ptrace(PTRACE_PEEKUSER, pid, offset, 0); }
#define REG(name) offsetof(struct user_regs_struct, name)

// Every syscall-stop of one write(2) that the policy changes.
static void TracedChange(void) {
  const pid_t pid = StartTracee(Change);
  int status;
  for (;;) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) break;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80) || Register(pid, REG(orig_rax)) != SYS_write) continue;
    if (Register(pid, REG(rdx)) != 7) continue;
    printf("\nstop rax %ld rdx %ld\n", Register(pid, REG(rax)), Register(pid, REG(rdx)));
    fflush(stdout);
  }
}

static void CallsGetpid(void) {
  errno = 0;
  const long result = syscall(SYS_getpid);
  printf("got %d errno %d\n", result < 0 ? -1 : result != 0, errno);
}

// The tracee calls getpid; its tracer makes getppid of it at the syscall-enter-stop.
static void RewriteAtEntry(void) {
  const pid_t pid = StartTracee(CallsGetpid);
  int status;
  for (;;) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) break;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80) && Register(pid, REG(orig_rax)) == SYS_getpid &&
        Register(pid, REG(rax)) == -ENOSYS) {
      ptrace(PTRACE_POKEUSER, pid, REG(orig_rax), SYS_getppid);
    }
  }
}

static void InstallTrace(unsigned nr) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 7),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void CallsGetpidUnderFilter(void) {
  InstallTrace(SYS_getpid);
  CallsGetpid();
}

static void CallsGetppidUnderFilter(void) {
  InstallTrace(SYS_getppid);
  errno = 0;
  const long result = syscall(SYS_getppid);
  printf("got %d errno %d\n", result < 0 ? -1 : result != 0, errno);
}

// PTRACE_EVENT_SECCOMP of a call that the policy does not have, made one that it has.
static void RewriteAtSeccompEvent(void) {
  const pid_t pid = StartTracee(CallsGetpidUnderFilter);
  int status;
  for (;;) {
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) break;
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
      ptrace(PTRACE_POKEUSER, pid, REG(orig_rax), SYS_getppid);
    }
  }
}

// The event of an intercepted call, let go as it is: the policy judges it all the same.
static void LetGoAtSeccompEvent(void) {
  const pid_t pid = StartTracee(CallsGetppidUnderFilter);
  int status, events = 0;
  for (;;) {
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) break;
    events += status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
  }
  printf("events %d\n", events);
}

// The tracer puts a call into a stopped tracee's registers.
static void Stops(void) { raise(SIGUSR1); }
static void Inject(void) {
  const pid_t pid = StartTracee(Stops);
  int status;
  ptrace(PTRACE_CONT, pid, 0, 0);
  waitpid(pid, &status, 0);
  struct user_regs_struct regs;
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  // Behind the syscall instruction of tgkill, where the signal stopped it.
  regs.rip -= 2;
  regs.rax = SYS_getppid;
  regs.orig_rax = -1;
  ptrace(PTRACE_SETREGS, pid, 0, &regs);
  ptrace(PTRACE_SYSCALL, pid, 0, 0);
  waitpid(pid, &status, 0);
  ptrace(PTRACE_SYSCALL, pid, 0, 0);
  waitpid(pid, &status, 0);
  printf("injected %ld\n", Register(pid, REG(rax)));
  ptrace(PTRACE_KILL, pid, 0, 0);
  waitpid(pid, &status, 0);
}

// The calls are made with a timer's signals all the time; each must come to what the policy gives, once.
static volatile sig_atomic_t signals;
static void OnAlarm(int signal) { signals += signal != 0; }
static void Storm(void) {
  struct sigaction action = {.sa_handler = OnAlarm};  // without SA_RESTART
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval every = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &every, NULL);
  long wrong = 0, last = 0;
  for (int i = 0; i < 3000; ++i) {
    const long count = Call64(SYS_getppid, 0, 0, 0);  // counts up
    wrong += count != last + 1;
    last = count;
    const int fd = open("/given/cloexec", O_RDONLY | O_CLOEXEC);
    wrong += fd != 3;
    close(fd);
    wrong += Call64(SYS_getuid, 0, 0, 0) == -EINTR;
    wrong += Call64(SYS_chdir, (long)"/", 0, 0) != 0;
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  printf("wrong %ld signals %d\n", wrong, signals > 10);
}

// A child that would live on; it holds stdout.
static void Daemon(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      for (;;) pause();
    }
    for (;;) pause();
  }
  syscall(SYS_getppid);
  for (;;) pause();
}

static void Undumpable(void) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  Open();
}

static void Mask(void) {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, NULL, &mask);
  printf("SIGTERM blocked: %d\n", sigismember(&mask, SIGTERM));
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } kModes[] = {
      {"plain", Plain},
      {"plain32", Plain32},
      {"open", Open},
      {"change", Change},
      {"traced_change", TracedChange},
      {"rewrite_at_entry", RewriteAtEntry},
      {"rewrite_at_event", RewriteAtSeccompEvent},
      {"let_go_at_event", LetGoAtSeccompEvent},
      {"inject", Inject},
      {"storm", Storm},
      {"daemon", Daemon},
      {"undumpable", Undumpable},
      {"mask", Mask},
  };
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); ++i) {
    if (argc > 1 && strcmp(argv[1], kModes[i].name) == 0) {
      kModes[i].run();
      return 0;
    }
  }
  return 2;
}
