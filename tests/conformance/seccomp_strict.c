// SECCOMP_MODE_STRICT: a thread that may only read, write, exit and return from a handler. Whatever else it
// asks for kills it, and no other thread, with SIGKILL, before a tracer sees an end of the call; and the time
// stamp counter is out of its reach.

#include "seccomp.h"

#define SECCOMP_STRICT 1  // of prctl

static int word[2];  // a pipe

static void strict(void) { NEED(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_STRICT, 0, 0, 0) == 0); }

static void write_word(const char* text) {
  if (syscall(SYS_write, 1, text, strlen(text)) < 0) syscall(SYS_exit, 99);
}

// --- how it ends.

static void calls_getppid(void) { syscall(SYS_getppid); }
static void calls_wait4(void) { syscall(SYS_wait4, -1, NULL, WNOHANG, NULL); }
static void calls_ptrace(void) { syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }
static void gets_seccomp(void) { syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0); }
static void sets_strict(void) { syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_STRICT, 0, 0, 0); }
static void sets_filter(void) { syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL); }
static void clones(void) { syscall(SYS_clone3, NULL, 0); }
static void exits_the_group(void) { syscall(SYS_exit_group, 4); }
static void sets_action(void) { syscall(SYS_rt_sigaction, SIGCHLD, NULL, NULL, 8); }
static void skips(void) { syscall(-1); }
static void exits(void) { syscall(SYS_exit, 7); }
static void reads_tsc(void) { __builtin_ia32_rdtsc(); }
static void faults(void) { *(volatile char*)NULL = 1; }
static void reads_and_writes(void) {
  char byte = 0;
  const long count = syscall(SYS_read, word[0], &byte, 1);
  write_word(count == 1 && byte == 'a' ? "read it\n" : "did not\n");
  syscall(SYS_exit, 0);
}

static Body last;
static void strict_then_last(void) {
  strict();
  last();
}

static const struct {
  const char* name;
  Body body;
} ends[] = {{"getppid", calls_getppid},
            {"wait4", calls_wait4},
            {"ptrace", calls_ptrace},
            {"PR_GET_SECCOMP", gets_seccomp},
            {"PR_SET_SECCOMP", sets_strict},
            {"SECCOMP_SET_MODE_FILTER", sets_filter},
            {"clone3", clones},
            {"exit_group", exits_the_group},
            {"rt_sigaction", sets_action},
            {"call -1", skips},
            {"exit", exits},
            {"rdtsc", reads_tsc},
            {"a fault", faults},
            {"read and write", reads_and_writes}};

static void tell_ends(void) {
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    say("== %s", ends[i].name);
    last = ends[i].body;
    const pid_t pid = spawn("CHILD", strict_then_last);
    NEED(write(word[1], "a", 1) == 1);
    tell_wait(pid, 0);
    char byte;
    if (ends[i].body != reads_and_writes) NEED(read(word[0], &byte, 1) == 1);
  }
}

// --- how it begins.

static void by_seccomp(void) {
  say("flags: %s", answer_words(raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL))));
  say("an argument: %s", answer_words(raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, word))));
  say("mode %d", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  say("none: %s", answer_words(raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL))));
  exits();
}

// The stack is at its end, the red zone is the caller's, and so are all registers.
static void keeps_registers(void) {
  long result = SYS_prctl, rdi = PR_SET_SECCOMP, rsi = SECCOMP_STRICT, rdx = 12;
  register long r10 __asm__("r10") = 13;
  register long r8 __asm__("r8") = 14;
  register long r9 __asm__("r9") = 15;
  __asm__ volatile("syscall"
                   : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
                   :
                   : "rcx", "r11", "memory");
  const int kept = rdi == PR_SET_SECCOMP && rsi == 1 && rdx == 12 && r10 == 13 && r8 == 14 && r9 == 15;
  write_word(result != 0 ? "refused\n" : kept ? "registers kept\n" : "registers changed\n");
  exits();
}

static void has_a_filter(void) {
  filter_call(SYS_getpgrp, SECCOMP_RET_ERRNO | 1);
  say("with a filter: %s", answer_words(raw(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_STRICT, 0, 0, 0))));
  say("by seccomp: %s", answer_words(raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL))));
  say("mode %d", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

// --- handlers.

static Gate ready, go, done;  // done: the thread is a zombie no more
static volatile pid_t other;

static void on_usr1(int signal) {
  (void)signal;
  write_word("handler\n");
}

static void handles(void) {
  struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  strict();
  if (syscall(SYS_write, ready.fd[1], "", 1) != 1) exits();
  reads_and_writes();
}

static void tell_handler(void) {
  say("== a handler");
  const pid_t pid = spawn_seized("CHILD", handles, 0);
  gate_pass(ready);
  int status;
  // A signal-delivery-stop each, on the way into the read and in it.
  for (int i = 0; i < 3; i++) {
    NEED(kill(pid, SIGUSR1) == 0 && wait4_raw(pid, &status, 0) == pid);
    say("%s", status_words(status));
    need_pt(PTRACE_CONT, pid, 0, i == 0 ? 0 : SIGUSR1);
  }
  NEED(write(word[1], "a", 1) == 1);
  tell_wait(pid, 0);
}

// --- threads.

static void* dies(void* body) {
  other = gettid_raw();
  gate_open(ready);
  gate_pass(go);
  strict();
  ((Body)(uintptr_t)body)();
  return NULL;
}

static void run_thread(Body body) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, dies, (void*)(uintptr_t)body) == 0);
  gate_pass(ready);
  gate_open(go);
  NEED(pthread_join(thread, NULL) == 0);
  gate_pass(done);
  exit(5);
}

static void thread_calls(void) { run_thread(calls_getppid); }
static void thread_waits(void) { run_thread(calls_wait4); }
static void thread_exits(void) { run_thread(exits); }

// The leader is a zombie before the other thread ends.
static void* outlives(void* unused) {
  (void)unused;
  char path[64], text[512], state = 0;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
  while (state != 'Z') {
    const int file = open(path, O_RDONLY);
    const ssize_t count = read(file, text, sizeof text - 1);
    NEED(count > 0);
    text[count] = 0;
    state = strrchr(text, ')')[2];
    close(file);
  }
  say("the other thread is still there");
  syscall(SYS_exit, 6);
  return NULL;
}

static void leader_calls(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, outlives, NULL) == 0);
  strict();
  calls_getppid();
}

static void* keeps_strict(void* unused) {
  (void)unused;
  other = gettid_raw();
  strict();
  char byte;
  if (write(ready.fd[1], "", 1) != 1) syscall(SYS_exit, 1);
  if (read(go.fd[0], &byte, 1) != 1) syscall(SYS_exit, 1);
  syscall(SYS_exit, 0);
  return NULL;
}

static void syncs(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, keeps_strict, NULL) == 0);
  gate_pass(ready);
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, code};
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  const long answer = raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
  say("TSYNC: %s", answer == other ? "THREAD" : answer_words(answer));
  gate_open(go);
  NEED(pthread_join(thread, NULL) == 0);
  gate_pass(done);
}

static void tell_threads(void) {
  static const struct {
    const char* name;
    Body body;
  } kinds[] = {{"a thread calls getppid", thread_calls},
               {"a thread calls wait4", thread_waits},
               {"a thread calls exit", thread_exits},
               {"the leader calls getppid", leader_calls},
               {"another thread syncs", syncs}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    say("== %s", kinds[i].name);
    const pid_t pid = spawn("CHILD", kinds[i].body);
    const int waits = kinds[i].body != leader_calls;
    if (waits) gate_open(done);
    tell_wait(pid, 0);
    say("== ... traced");
    const pid_t traced = spawn_seized("CHILD", kinds[i].body, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
    for (;;) {
      int status;
      const long stopped = wait4_raw(-1, &status, __WALL);
      NEED(stopped > 0);
      const char* name = stopped == traced ? "LEADER" : "THREAD";
      if (status >> 16 == PTRACE_EVENT_EXIT) {
        const struct user_regs_struct regs = registers(stopped);
        say("%s: EVENT_EXIT %#lx in %ld, rax %ld, rdi %s", name, event_message(stopped), SYSCALL_NUMBER(regs),
            SYSCALL_RESULT(regs), SYSCALL_NUMBER(regs) == SYS_getppid ? "?" : word_words(regs.rdi));
      }
      if (!WIFSTOPPED(status)) say("%s %s", name, status_words(status));
      if (!WIFSTOPPED(status) && stopped != traced && waits) gate_open(done);
      if (!WIFSTOPPED(status) && stopped == traced) break;
      if (WIFSTOPPED(status)) need_pt(PTRACE_CONT, stopped, 0, 0);
    }
  }
}

// --- a tracer of its system calls.

static void tell_traced(const char* title, Body body, long change) {
  say("== traced: %s", title);
  last = body;
  const pid_t pid = spawn_stopped("CHILD", strict_then_last);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  need_enter(pid, SYS_prctl, SYSGOOD_STOP);
  for (int stop = 0;; stop++) {
    const struct user_regs_struct regs = registers(pid);
    say("call %ld(%s, %s), rax %ld, message %ld", SYSCALL_NUMBER(regs), word_words(regs.rdi),
        word_words(regs.rsi), SYSCALL_RESULT(regs), event_message(pid));
    if (stop == 1) {
      say("GET_FILTER: %s", answer_words(pt(PTRACE_SECCOMP_GET_FILTER, pid, 0, 0)));
      struct seccomp_metadata metadata = {0, 0};
      say("GET_METADATA: %s",
          answer_words(pt(PTRACE_SECCOMP_GET_METADATA, pid, sizeof metadata, (unsigned long)&metadata)));
    }
    if (change != 0 && stop == 2) {
      struct user_regs_struct changed = regs;
      changed.orig_rax = change;
      changed.rdi = 9;
      need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&changed);
    }
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    const int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) break;
  }
}

// A call that a tracer emulates is not looked at.
static void tell_emulated(void) {
  say("== emulated");
  last = calls_getppid;
  const pid_t pid = spawn_stopped("CHILD", strict_then_last);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_prctl, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  for (int i = 0; i < 3; i++) {
    need_pt(i == 0 ? PTRACE_SYSEMU : PTRACE_SYSCALL, pid, 0, 0);
    const int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) break;
    say("call %ld", SYSCALL_NUMBER(registers(pid)));
  }
}

int main(void) {
  start();
  NEED(pipe(word) == 0);
  ready = gate_new();
  go = gate_new();
  done = gate_new();
  tell_ends();
  static const Body begins[] = {by_seccomp, keeps_registers, has_a_filter};
  for (int i = 0; i < 3; i++) {
    const pid_t pid = spawn("CHILD", begins[i]);
    tell_wait(pid, 0);
  }
  tell_handler();
  tell_threads();
  tell_traced("killed", calls_getppid, 0);
  tell_traced("killed in a wait", calls_wait4, 0);
  tell_traced("made to exit", calls_getppid, SYS_exit);
  tell_traced("made no call", calls_getppid, -1);
  tell_traced("made to call getppid", exits, SYS_getppid);
  tell_emulated();
  return 0;
}
