// execve(2) of a program whose last segment is broken fails when the other threads are gone, and the caller
// has the leader's number. It is ended by a signal, with no PTRACE_EVENT_EXEC.

#include <elf.h>

#include "guest.h"

static Gate ready, go;
static volatile int* number_of_thread;
static char path[64];
static int leader_calls;

static void make_program(void) {
  static char program[4 << 20];
  const int self = open("/proc/self/exe", O_RDONLY);
  const long size = read(self, program, sizeof program);
  NEED(size > 0 && size < (long)sizeof program);
  const Elf64_Ehdr* header = (const Elf64_Ehdr*)program;
  Elf64_Phdr* last = NULL;
  for (int i = 0; i < header->e_phnum; ++i) {
    Elf64_Phdr* segment = (Elf64_Phdr*)(program + header->e_phoff) + i;
    if (segment->p_type == PT_LOAD) last = segment;
  }
  last->p_memsz = last->p_filesz - 1;
  const int broken = syscall(SYS_memfd_create, "broken", 0);
  NEED(write(broken, program, size) == size);
  snprintf(path, sizeof path, "/proc/self/fd/%d", broken);
}

static void executes(void) {
  char* arguments[] = {path, NULL};
  gate_open(ready);
  gate_pass(go);
  execve(path, arguments, arguments + 1);
  _exit(44);
}

static void* thread(void* unused) {
  *number_of_thread = gettid_raw();
  executes();
  return unused;
}

static void body(void) {
  pthread_t other;
  if (leader_calls) executes();
  NEED(pthread_create(&other, NULL, thread, NULL) == 0);
  block_forever();
}

static void tell_all(pid_t pid) {
  for (;;) {
    const int status = tell_wait(-1, __WALL);
    if (status == -1) return;
    if (WIFSTOPPED(status)) tell_pt(PTRACE_CONT, pid, 0, status >> 16 != 0 ? 0 : WSTOPSIG(status));
  }
}

int main(void) {
  start();
  ready = gate_new();
  go = gate_new();
  number_of_thread = shared_memory(sizeof(int));
  make_program();
  static const char* const names[] = {"nobody", "the leader", "the thread"};
  for (leader_calls = 1; leader_calls >= 0; --leader_calls) {
    for (int traced = 0; traced < (leader_calls ? 2 : 3); ++traced) {
      say("== %s calls, traced is %s", leader_calls ? "the leader" : "a thread", names[traced]);
      const pid_t pid = spawn("PROCESS", body);
      gate_pass(ready);
      if (!leader_calls) name_pid(*number_of_thread, "THREAD");
      const pid_t tracee = traced == 1 ? pid : *number_of_thread;
      if (traced != 0) need_pt(PTRACE_SEIZE, tracee, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
      gate_open(go);
      if (traced == 1 && !leader_calls) {
        tell_wait(pid, __WALL);  // killed by the thread
        tell_pt(PTRACE_CONT, pid, 0, 0);
      }
      tell_all(pid);
    }
  }
  return 0;
}
