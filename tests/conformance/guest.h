// The kit of the conformance guests: short programs with deterministic transcripts.
//
// A guest is one C file that provokes one behaviour of ptrace(2), wait4(2) or waitid(2) and prints
// what it was answered. `compare` runs it natively and under nestrace; the two transcripts must be
// the same byte for byte. So a guest never prints a raw pid, tid or address, and never prints
// something that depends on who ran first.
//
//   #include "guest.h"
//
//   static void child(void) { syscall(SYS_getppid); }
//
//   int main(void) {
//     start();                                        // deadline, no core files
//     pid_t pid = spawn_traced("CHILD", child);       // stopped by its own SIGSTOP, not waited for
//     tell_wait(pid, 0);                              // "wait4(CHILD, 0) = CHILD: stopped SIGSTOP"
//     tell_pt(PTRACE_CONT, pid, 0, 65);               // "CONT(CHILD, 0, 65) = EIO"
//     tell_pt(PTRACE_CONT, pid, 0, 0);                // "CONT(CHILD, 0, 0) = 0"
//     tell_wait(pid, 0);                              // "wait4(CHILD, 0) = CHILD: exited 0"
//     return 0;
//   }
//
// Everything named `tell_...` acts and prints. Everything named `need_...` acts in silence and ends
// the guest with an error when the answer is not the one the guest was built on. Functions without a
// prefix act in silence and return the kernel's answer, an error as -errno.
//
// The ptrace system call is made raw: glibc's wrapper hides the result pointer of PEEK requests.
// A guest exits 0 when it is done, 77 through skip() when the machine cannot run it.

#ifndef NESTRACE_TESTS_CONFORMANCE_GUEST_H_
#define NESTRACE_TESTS_CONFORMANCE_GUEST_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Not every guest uses every helper.
#define KIT __attribute__((unused)) static

// ---- Constants that older headers lack -----------------------------------------------------------

#ifndef PTRACE_OLDSETOPTIONS
#define PTRACE_OLDSETOPTIONS 21
#endif
#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif
#ifndef PTRACE_SYSEMU_SINGLESTEP
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif
#ifndef PTRACE_SINGLEBLOCK
#define PTRACE_SINGLEBLOCK 33
#endif
#ifndef PTRACE_GET_THREAD_AREA
#define PTRACE_GET_THREAD_AREA 25
#define PTRACE_SET_THREAD_AREA 26
#endif
#ifndef PTRACE_GETFPXREGS
#define PTRACE_GETFPXREGS 18
#define PTRACE_SETFPXREGS 19
#endif
#ifndef PTRACE_ARCH_PRCTL
#define PTRACE_ARCH_PRCTL 30
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
#define PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG 0x4210
#define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211
#endif
#ifndef PTRACE_SET_SYSCALL_INFO
#define PTRACE_SET_SYSCALL_INFO 0x4212
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif
#ifndef __WALL
#define __WALL 0x40000000
#endif
#ifndef __WCLONE
#define __WCLONE 0x80000000
#endif

// ---- Words -----------------------------------------------------------------------------------------

// Each function that returns words has a ring of buffers, so that one printf can hold several.
KIT char* words_buffer(void) {
  static __thread char ring[16][256];
  static __thread unsigned next;
  return ring[next++ % 16];
}

// How many processes are between a request that may resume a tracee and the line about it. What the
// tracee says then belongs after that line, so it waits, without a system call that a tracer would see.
KIT int* tellers_in_request;

// What each line of this process begins with.
KIT const char* line_prefix = "";

// Prints one line with one write, so that lines of several processes never mix.
KIT void say_now(const char* format, va_list args) {
  char line[1024];
  int length = snprintf(line, sizeof line - 1, "%s", line_prefix);
  length += vsnprintf(line + length, sizeof line - 1 - length, format, args);
  if (length > (int)sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (write(STDOUT_FILENO, line, length) != length) _exit(3);
}

KIT void say_in_turn(const char* format, va_list args) {
  while (tellers_in_request != NULL && __atomic_load_n(tellers_in_request, __ATOMIC_SEQ_CST) > 0) {
    __builtin_ia32_pause();
  }
  say_now(format, args);
}

__attribute__((unused, format(printf, 1, 2))) static void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  say_in_turn(format, args);
  va_end(args);
}

__attribute__((unused, format(printf, 1, 2))) static void say_at_once(const char* format, ...) {
  va_list args;
  va_start(args, format);
  say_now(format, args);
  va_end(args);
}

#define NEED(condition)                                                  \
  do {                                                                   \
    if (!(condition)) {                                                  \
      say("%s:%d: the guest needs: %s", __FILE__, __LINE__, #condition); \
      _exit(2);                                                          \
    }                                                                    \
  } while (0)

KIT void skip(const char* why) {
  say("skipped: %s", why);
  _exit(77);
}

KIT const char* errno_words(int error) {
  const char* name = strerrorname_np(error);
  if (name != NULL) return name;
  char* words = words_buffer();
  snprintf(words, 256, "errno %d", error);
  return words;
}

// An answer of the raw kind: 0 or more, or -errno.
KIT const char* answer_words(long answer) {
  if (answer < 0 && answer >= -4095) return errno_words(-answer);
  char* words = words_buffer();
  snprintf(words, 256, "%ld", answer);
  return words;
}

KIT const char* signal_words(int signal) {
  char* words = words_buffer();
  const char* name = sigabbrev_np(signal);
  if (name != NULL && signal != 0) {
    snprintf(words, 256, "SIG%s", name);
  } else {
    snprintf(words, 256, "signal %d", signal);
  }
  return words;
}

// -- Names of threads

#define MAX_NAMES 64
KIT struct {
  pid_t pid;
  char name[24];
} pid_names[MAX_NAMES];
KIT int pid_name_count;

// From now on `pid` is printed as `name`. The latest name of a number is the one that counts.
KIT void name_pid(pid_t pid, const char* name) {
  NEED(pid_name_count < MAX_NAMES);
  pid_names[pid_name_count].pid = pid;
  snprintf(pid_names[pid_name_count].name, sizeof pid_names[0].name, "%s", name);
  pid_name_count++;
}

KIT const char* pid_words(pid_t pid) {
  for (int i = pid_name_count - 1; i >= 0; i--) {
    if (pid_names[i].pid == pid) return pid_names[i].name;
  }
  char* words = words_buffer();
  if (pid == INT_MIN) return "INT_MIN";
  if (pid == INT_MAX) return "INT_MAX";
  if (pid < -1) {
    char name[64];
    snprintf(name, sizeof name, "%s", pid_words(-pid));
    snprintf(words, 256, "-%s", name);
  } else if (pid <= 0) {
    snprintf(words, 256, "%d", pid);
  } else {
    return "UNNAMED";
  }
  return words;
}

// -- Wait statuses

KIT const char* event_words(int event) {
  switch (event) {
    case PTRACE_EVENT_FORK:
      return "FORK";
    case PTRACE_EVENT_VFORK:
      return "VFORK";
    case PTRACE_EVENT_CLONE:
      return "CLONE";
    case PTRACE_EVENT_EXEC:
      return "EXEC";
    case PTRACE_EVENT_VFORK_DONE:
      return "VFORK_DONE";
    case PTRACE_EVENT_EXIT:
      return "EXIT";
    case PTRACE_EVENT_SECCOMP:
      return "SECCOMP";
    case PTRACE_EVENT_STOP:
      return "STOP";
  }
  char* words = words_buffer();
  snprintf(words, 256, "event %d", event);
  return words;
}

KIT const char* status_words(int status) {
  char* words = words_buffer();
  if (status == 0xffff) return "continued";
  if (WIFEXITED(status)) {
    snprintf(words, 256, "exited %d", WEXITSTATUS(status));
  } else if (WIFSIGNALED(status)) {
    snprintf(words, 256, "killed %s%s", signal_words(WTERMSIG(status)), WCOREDUMP(status) ? " (core)" : "");
  } else if (WIFSTOPPED(status)) {
    int signal = (status >> 8) & 0x7f;
    int flag = (status >> 8) & 0x80;
    int event = (status >> 16) & 0xffff;
    if (event == 0) {
      snprintf(words, 256, "stopped %s%s", signal_words(signal), flag ? "|0x80" : "");
    } else if (event == PTRACE_EVENT_STOP) {
      snprintf(words, 256, "EVENT_STOP %s", signal_words(signal));
    } else {
      snprintf(words, 256, "event %s", event_words(event));
      if (signal != SIGTRAP) {
        strcat(words, " ");
        strcat(words, signal_words(signal));
      }
    }
  } else {
    snprintf(words, 256, "status 0x%x", status);
  }
  return words;
}

// -- siginfo

KIT const char* code_words(int signo, int code) {
  char* words = words_buffer();
  switch (code) {
    case SI_USER:
      return "SI_USER";
    case SI_QUEUE:
      return "SI_QUEUE";
    case SI_TIMER:
      return "SI_TIMER";
    case SI_TKILL:
      return "SI_TKILL";
    case SI_KERNEL:
      return "SI_KERNEL";
  }
  static const char* const child[] = {
      "", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};
  static const char* const trap[] = {"", "TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT"};
  static const char* const segv[] = {"", "SEGV_MAPERR", "SEGV_ACCERR"};
  if (signo == SIGCHLD && code >= 1 && code <= 6) return child[code];
  if (signo == SIGTRAP && code >= 1 && code <= 4) return trap[code];
  if (signo == SIGSEGV && code >= 1 && code <= 2) return segv[code];
  if (code > 0xff) {
    snprintf(words, 256, "%s<<8|%s", event_words(code >> 8), signal_words(code & 0xff));
  } else {
    snprintf(words, 256, "0x%x", code);
  }
  return words;
}

KIT const char* uid_words(uid_t uid) {
  char* words = words_buffer();
  if (uid == getuid()) {
    snprintf(words, 256, "OWN");
  } else {
    snprintf(words, 256, "%u", uid);
  }
  return words;
}

KIT const char* siginfo_words(const siginfo_t* info) {
  char line[256];
  size_t length =
      snprintf(line, sizeof line, "%s code=%s", info->si_signo ? signal_words(info->si_signo) : "0",
               code_words(info->si_signo, info->si_code));
  if (info->si_errno != 0) {
    length += snprintf(line + length, sizeof line - length, " errno=%d", info->si_errno);
  }
  int fault = info->si_signo == SIGSEGV || info->si_signo == SIGBUS || info->si_signo == SIGILL ||
              info->si_signo == SIGFPE ||
              (info->si_signo == SIGTRAP && info->si_code >= 1 && info->si_code <= 4);
  if (fault && info->si_code > 0 && info->si_code < SI_KERNEL) {
    snprintf(line + length, sizeof line - length, " addr=%s", info->si_addr != NULL ? "SET" : "NULL");
  } else {
    length += snprintf(line + length, sizeof line - length, " pid=%s uid=%s", pid_words(info->si_pid),
                       uid_words(info->si_uid));
    if (info->si_signo == SIGCHLD && info->si_code >= 1 && info->si_code <= 6) {
      snprintf(line + length, sizeof line - length, " status=0x%x", info->si_status);
    } else if (info->si_code == SI_QUEUE) {
      snprintf(line + length, sizeof line - length, " value=%d", info->si_value.sival_int);
    }
  }
  char* words = words_buffer();
  memcpy(words, line, sizeof line);
  return words;
}

// -- Requests

KIT const char* request_words(long request) {
  static const struct {
    long request;
    const char* name;
  } names[] = {
      {0, "TRACEME"},
      {1, "PEEKTEXT"},
      {2, "PEEKDATA"},
      {3, "PEEKUSER"},
      {4, "POKETEXT"},
      {5, "POKEDATA"},
      {6, "POKEUSER"},
      {7, "CONT"},
      {8, "KILL"},
      {9, "SINGLESTEP"},
      {12, "GETREGS"},
      {13, "SETREGS"},
      {14, "GETFPREGS"},
      {15, "SETFPREGS"},
      {16, "ATTACH"},
      {17, "DETACH"},
      {18, "GETFPXREGS"},
      {19, "SETFPXREGS"},
      {21, "OLDSETOPTIONS"},
      {24, "SYSCALL"},
      {25, "GET_THREAD_AREA"},
      {26, "SET_THREAD_AREA"},
      {30, "ARCH_PRCTL"},
      {31, "SYSEMU"},
      {32, "SYSEMU_SINGLESTEP"},
      {33, "SINGLEBLOCK"},
      {0x4200, "SETOPTIONS"},
      {0x4201, "GETEVENTMSG"},
      {0x4202, "GETSIGINFO"},
      {0x4203, "SETSIGINFO"},
      {0x4204, "GETREGSET"},
      {0x4205, "SETREGSET"},
      {0x4206, "SEIZE"},
      {0x4207, "INTERRUPT"},
      {0x4208, "LISTEN"},
      {0x4209, "PEEKSIGINFO"},
      {0x420a, "GETSIGMASK"},
      {0x420b, "SETSIGMASK"},
      {0x420c, "SECCOMP_GET_FILTER"},
      {0x420d, "SECCOMP_GET_METADATA"},
      {0x420e, "GET_SYSCALL_INFO"},
      {0x420f, "GET_RSEQ_CONFIGURATION"},
      {0x4210, "SET_SYSCALL_USER_DISPATCH_CONFIG"},
      {0x4211, "GET_SYSCALL_USER_DISPATCH_CONFIG"},
      {0x4212, "SET_SYSCALL_INFO"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i].request == request) return names[i].name;
  }
  char* words = words_buffer();
  snprintf(words, 256, "request %ld", request);
  return words;
}

// A number that may be a pointer: small numbers as they are, everything else as PTR.
KIT const char* word_words(unsigned long word) {
  char* words = words_buffer();
  if ((long)word < 0 && (long)word > -4096) {
    snprintf(words, 256, "%ld", (long)word);
  } else if (word < 4096) {
    snprintf(words, 256, "%lu", word);
  } else if (word < 0x800000) {
    snprintf(words, 256, "0x%lx", word);
  } else {
    return "PTR";
  }
  return words;
}

KIT const char* options_words(unsigned options) {
  static const struct {
    unsigned bit;
    const char* name;
  } names[] = {{WNOHANG, "WNOHANG"},       {WUNTRACED, "WSTOPPED"}, {WEXITED, "WEXITED"},
               {WCONTINUED, "WCONTINUED"}, {WNOWAIT, "WNOWAIT"},    {__WNOTHREAD, "__WNOTHREAD"},
               {__WALL, "__WALL"},         {__WCLONE, "__WCLONE"}};
  char* words = words_buffer();
  words[0] = '\0';
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if ((options & names[i].bit) == 0) continue;
    options &= ~names[i].bit;
    if (words[0] != '\0') strcat(words, "|");
    strcat(words, names[i].name);
  }
  if (options != 0 || words[0] == '\0') {
    size_t length = strlen(words);
    snprintf(words + length, 256 - length, "%s%#x", length ? "|" : "", options);
  }
  return words;
}

// ---- System calls ----------------------------------------------------------------------------------

KIT long raw(long result) { return result == -1 ? -errno : result; }

// ptrace(2) without glibc. PEEK requests store through `data`.
KIT long pt(long request, pid_t pid, unsigned long addr, unsigned long data) {
  return raw(syscall(SYS_ptrace, request, (long)pid, addr, data));
}

KIT long tell_pt(long request, pid_t pid, unsigned long addr, unsigned long data) {
  __atomic_add_fetch(tellers_in_request, 1, __ATOMIC_SEQ_CST);
  long answer = pt(request, pid, addr, data);
  say_at_once("%s(%s, %s, %s) = %s", request_words(request), pid_words(pid), word_words(addr),
              word_words(data), answer_words(answer));
  __atomic_sub_fetch(tellers_in_request, 1, __ATOMIC_SEQ_CST);
  return answer;
}

KIT void need_pt(long request, pid_t pid, unsigned long addr, unsigned long data) {
  long answer = pt(request, pid, addr, data);
  if (answer != 0) {
    say("the guest needs %s(%s) to succeed: %s", request_words(request), pid_words(pid),
        answer_words(answer));
    _exit(2);
  }
}

KIT long wait4_raw(pid_t pid, int* status, unsigned options) {
  return raw(syscall(SYS_wait4, pid, status, options, NULL));
}

// Prints the call as wait4; returns the status, or -1 when nothing was reported.
KIT int tell_wait(pid_t pid, unsigned options) {
  int status = 0;
  long answer = wait4_raw(pid, &status, options);
  if (answer > 0) {
    say("wait4(%s, %s) = %s: %s", pid_words(pid), options_words(options), pid_words(answer),
        status_words(status));
    return status;
  }
  say("wait4(%s, %s) = %s", pid_words(pid), options_words(options), answer_words(answer));
  return -1;
}

KIT void need_wait(pid_t pid, int want) {
  int status = 0;
  long answer = wait4_raw(pid, &status, __WALL);
  if (answer != pid || status != want) {
    say("the guest needs wait4(%s) to report %s: %s, %s", pid_words(pid), status_words(want),
        answer > 0 ? pid_words(answer) : answer_words(answer), status_words(status));
    _exit(2);
  }
}

// Statuses to ask need_wait() for.
#define STOPPED(signal) (((signal) << 8) | 0x7f)
#define EVENT(event) STOPPED(SIGTRAP | ((event) << 8))
#define EVENT_STOP(signal) STOPPED((signal) | (PTRACE_EVENT_STOP << 8))
#define EXITED(code) ((code) << 8)

KIT long waitid_raw(int type, id_t id, siginfo_t* info, unsigned options) {
  return raw(syscall(SYS_waitid, type, id, info, options, NULL));
}

// `id_name` is printed for the id, which may be a pidfd.
KIT long tell_waitid_named(int type, id_t id, const char* id_name, unsigned options) {
  static const char* const types[] = {"P_ALL", "P_PID", "P_PGID", "P_PIDFD"};
  siginfo_t info;
  memset(&info, 0x5a, sizeof info);
  long answer = waitid_raw(type, id, &info, options);
  char type_words[16];
  if (type >= 0 && type <= 3) {
    snprintf(type_words, sizeof type_words, "%s", types[type]);
  } else {
    snprintf(type_words, sizeof type_words, "type %d", type);
  }
  if (answer == 0 && info.si_pid != 0) {
    say("waitid(%s, %s, %s) = 0: %s", type_words, id_name, options_words(options), siginfo_words(&info));
  } else {
    int zero = info.si_signo == 0 && info.si_code == 0 && info.si_pid == 0 && info.si_status == 0;
    say("waitid(%s, %s, %s) = %s, siginfo %s", type_words, id_name, options_words(options),
        answer_words(answer),
        zero                          ? "zeroed"
        : info.si_signo == 0x5a5a5a5a ? "untouched"
                                      : "set");
  }
  return answer;
}

KIT long tell_waitid(int type, id_t id, unsigned options) {
  return tell_waitid_named(type, id, type == P_ALL ? "0" : pid_words(id), options);
}

KIT void tell_siginfo(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  long answer = pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("GETSIGINFO(%s) = %s", pid_words(pid), answer == 0 ? siginfo_words(&info) : answer_words(answer));
}

// The event message as a plain number (`tell_event_pid` where it is a thread's number).
KIT unsigned long event_message(pid_t pid) {
  unsigned long message = 0;
  need_pt(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message);
  return message;
}

KIT void tell_event_number(pid_t pid) {
  say("GETEVENTMSG(%s) = %s", pid_words(pid), word_words(event_message(pid)));
}

KIT pid_t tell_event_pid(pid_t pid, const char* name_if_new) {
  pid_t message = event_message(pid);
  if (name_if_new != NULL) name_pid(message, name_if_new);
  say("GETEVENTMSG(%s) = %s", pid_words(pid), pid_words(message));
  return message;
}

// Becomes the guest's program again with one argument; main() is to `return atoi(argv[1])` then, and
// to be silent: the new program does not know whom to wait for before it says something.
KIT void exec_self(const char* argument) {
  char* argv[] = {"guest", (char*)argument, NULL};
  char* envp[] = {NULL};
  execve("/proc/self/exe", argv, envp);
  NEED(!"execve");
}

// Memory that all processes of the guest share.
KIT void* shared_memory(size_t size) {
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  return memory;
}

// ---- Processes -------------------------------------------------------------------------------------

// start(), but for a guest that wants core files.
KIT void start_with_core_files(void) {
  // What a test runner may have set for itself must not show in the transcript.
  sigset_t empty;
  sigemptyset(&empty);
  sigprocmask(SIG_SETMASK, &empty, NULL);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  alarm(20);
  tellers_in_request = shared_memory(sizeof(int));
  name_pid(getpid(), "SELF");
}

// To be called first. After twenty seconds the guest dies of SIGALRM, and `compare` says so.
KIT void start(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  start_with_core_files();
}

typedef void (*Body)(void);

// Forks a child that runs `body` and exits 0.
KIT pid_t spawn(const char* name, Body body) {
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    name_pid(getpid(), name);
    body();
    _exit(0);
  }
  name_pid(pid, name);
  return pid;
}

KIT Body traced_body;
KIT void traced_entry(void) {
  NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
  syscall(SYS_kill, getpid(), SIGSTOP);
  traced_body();
}

// Forks a child that asks to be traced, stops itself by SIGSTOP and, once resumed, runs `body`.
KIT pid_t spawn_traced(const char* name, Body body) {
  traced_body = body;
  return spawn(name, traced_entry);
}

// The same, and waits for that first stop.
KIT pid_t spawn_stopped(const char* name, Body body) {
  pid_t pid = spawn_traced(name, body);
  need_wait(pid, STOPPED(SIGSTOP));
  return pid;
}

// A gate between processes or threads: gate_pass() returns after another has called gate_open().
typedef struct {
  int fd[2];
} Gate;

KIT Gate gate_new(void) {
  Gate gate;
  NEED(pipe2(gate.fd, O_CLOEXEC) == 0);
  return gate;
}

KIT void gate_open(Gate gate) { NEED(write(gate.fd[1], "", 1) == 1); }

KIT void gate_pass(Gate gate) {
  char byte;
  long got;
  do {
    got = read(gate.fd[0], &byte, 1);
  } while (got == -1 && errno == EINTR);
  NEED(got == 1);
}

// Blocks until somebody else ends it: a signal, or a tracer.
KIT void block_forever(void) {
  for (;;) pause();
}

// Gives a child a process group of its own. In an orphaned one, as the guest's may be, SIGTSTP, SIGTTIN and
// SIGTTOU stop nobody (setpgid(2)).
KIT void own_group(pid_t pid) { NEED(setpgid(pid, pid) == 0); }

// Forks a child that blocks in pause() for ever; it runs when this returns, untraced.
// A child without a name, which its parent has seen stopped.
KIT pid_t fork_stopped(void) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    raise(SIGSTOP);
    block_forever();
  }
  int status = 0;
  NEED(wait4_raw(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
  return pid;
}

KIT pid_t spawn_blocked(const char* name) { return spawn(name, block_forever); }

KIT pid_t spawn_seized(const char* name, Body body, unsigned long options);
KIT Gate seized_gate;
KIT Body seized_body;
KIT void seized_entry(void) {
  gate_pass(seized_gate);
  seized_body();
}

// Forks a child, seizes it with `options`, and lets it run `body`. It runs when this returns.
KIT pid_t spawn_seized(const char* name, Body body, unsigned long options) {
  seized_gate = gate_new();
  seized_body = body;
  pid_t pid = spawn(name, seized_entry);
  need_pt(PTRACE_SEIZE, pid, 0, options);
  gate_open(seized_gate);
  return pid;
}

// Forks a child that is traced with `options`, seized or by TRACEME, and lets it run `body`.
KIT pid_t spawn_traced_with(unsigned long options, const char* name, Body body, int seized) {
  if (seized) return spawn_seized(name, body, options);
  pid_t pid = spawn_stopped(name, body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, options);
  need_pt(PTRACE_CONT, pid, 0, 0);
  return pid;
}

// Kills and reaps a child in whatever state it is; silent.
KIT void end_child(pid_t pid) {
  int status = 0;
  kill(pid, SIGKILL);
  for (;;) {
    // SIGKILL does not end a stop at PTRACE_EVENT_EXIT.
    pt(PTRACE_CONT, pid, 0, 0);
    long answer = wait4_raw(pid, &status, __WALL);
    if (answer == -EINTR) continue;
    if (answer < 0) return;
    if (WIFEXITED(status) || WIFSIGNALED(status)) return;
  }
}

// Maps one page where nothing follows, and nothing will. Returns the first byte after it.
KIT char* hole(void) {
  long page = sysconf(_SC_PAGESIZE);
  // Not cut out of a larger mapping: the next mmap would get that place.
  char* fixed = mmap((void*)0x200000, page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  NEED(fixed == (void*)0x200000);
  return fixed + page;
}

KIT pid_t gettid_raw(void) { return syscall(SYS_gettid); }

// Not synchronisation: makes it likely, not certain, that others have reached their blocking call.
// A guest may use it only where every order prints the same.
KIT void favour_others(void) {
  struct timespec nap = {0, 20 * 1000 * 1000};
  nanosleep(&nap, NULL);
}

// ---- Registers -------------------------------------------------------------------------------------

KIT struct user_regs_struct registers(pid_t pid) {
  struct user_regs_struct regs;
  memset(&regs, 0, sizeof regs);
  need_pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs);
  return regs;
}

#ifdef __x86_64__
#define SYSCALL_NUMBER(regs) ((long)(regs).orig_rax)
#define SYSCALL_RESULT(regs) ((long)(regs).rax)
#define SET_SYSCALL_NUMBER(regs, number) ((regs).orig_rax = (number))
#define SET_SYSCALL_RESULT(regs, result) ((regs).rax = (result))
#else
#define SYSCALL_NUMBER(regs) ((long)(regs).orig_eax)
#define SYSCALL_RESULT(regs) ((long)(regs).eax)
#define SET_SYSCALL_NUMBER(regs, number) ((regs).orig_eax = (number))
#define SET_SYSCALL_RESULT(regs, result) ((regs).eax = (result))
#endif

// Resumes with PTRACE_SYSCALL, in silence, until the tracee enters the system call `number`.
// `enter` is the status of a syscall-stop: STOPPED(SIGTRAP), with 0x80 added under TRACESYSGOOD.
KIT void need_enter(pid_t pid, long number, int stop) {
  for (;;) {
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    need_wait(pid, stop);
    struct user_regs_struct regs = registers(pid);
    if (SYSCALL_NUMBER(regs) == number) return;
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    need_wait(pid, stop);
  }
}

#define SYSCALL_STOP STOPPED(SIGTRAP)
#define SYSGOOD_STOP STOPPED(SIGTRAP | 0x80)

#endif  // NESTRACE_TESTS_CONFORMANCE_GUEST_H_
