// What a request or a wait does has been done when it returns: its caller may count on that in ways that no
// tracer sees, such as a byte in a pipe to the tracee. Many times, since it is a matter of who is first.

#include "state_of.h"

enum { kRounds = 200 };

static struct Shared {
  volatile int turns;    // how often the child has had its byte
  volatile int signals;  // it is to send itself a signal then, which it ignores
} * shared;
static Gate gate;

static void take_bytes(void) {
  for (;;) {
    gate_pass(gate);
    shared->turns++;
    if (shared->signals) syscall(SYS_tgkill, getpid(), gettid_raw(), SIGWINCH);
  }
}

static void tell(const char* what, int wrong) { say("%s: %d of %d wrong", what, wrong, kRounds); }

// The tracee stops before it sees what its tracer does next.
static void stops_at_once(pid_t pid, int attach) {
  int wrong = 0;
  if (!attach) need_pt(PTRACE_SEIZE, pid, 0, 0);
  for (int i = 0; i < kRounds; i++) {
    int status = 0;
    until_it_sleeps(pid);
    const int before = shared->turns;
    need_pt(attach ? PTRACE_ATTACH : PTRACE_INTERRUPT, pid, 0, 0);
    gate_open(gate);
    NEED(waitpid(pid, &status, __WALL) == pid);
    wrong += shared->turns != before || status >> 8 != (attach ? SIGSTOP : SIGTRAP | PTRACE_EVENT_STOP << 8);
    need_pt(attach ? PTRACE_DETACH : PTRACE_CONT, pid, 0, 0);
    while (shared->turns == before) sched_yield();
  }
  tell(attach ? "ATTACH" : "INTERRUPT", wrong);
  if (attach) return;
  need_pt(PTRACE_INTERRUPT, pid, 0, 0);
  NEED(waitpid(pid, NULL, __WALL) == pid);
  need_pt(PTRACE_DETACH, pid, 0, 0);
}

// A signal that the tracee ignores is its tracer's from then on; and it runs when it is let go.
static void is_traced_at_once(pid_t pid) {
  int unseen = 0, stopped = 0;
  shared->signals = 1;
  for (int i = 0; i < kRounds; i++) {
    int status = 0;
    until_it_sleeps(pid);
    need_pt(PTRACE_SEIZE, pid, 0, 0);
    gate_open(gate);
    NEED(waitpid(pid, &status, __WALL) == pid);
    unseen += status >> 8 != SIGWINCH;
    need_pt(i % 2 ? PTRACE_DETACH : PTRACE_CONT, pid, 0, 0);
    stopped += state_of(pid) == 't';
    if (i % 2) continue;
    need_pt(PTRACE_INTERRUPT, pid, 0, 0);
    NEED(waitpid(pid, &status, __WALL) == pid);
    need_pt(PTRACE_DETACH, pid, 0, 0);
  }
  tell("SEIZE", unseen);
  tell("CONT and DETACH", stopped);
}

// A signal that was dropped before is not in the place of one that is sent behind.
static void is_traced_in_group_stop(pid_t pid) {
  int wrong = 0;
  for (int i = 0; i < kRounds; i++) {
    int status = 0;
    kill(pid, SIGSTOP);
    NEED(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    kill(pid, SIGURG);
    need_pt(i % 2 ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0);
    kill(pid, SIGURG);
    NEED(waitpid(pid, &status, __WALL) == pid && (status >> 8 & 0xff) == SIGSTOP);
    struct ptrace_peeksiginfo_args of_process = {.flags = PTRACE_PEEKSIGINFO_SHARED, .nr = 4};
    siginfo_t pending[4];
    const long count = pt(PTRACE_PEEKSIGINFO, pid, (unsigned long)&of_process, (unsigned long)pending);
    wrong += count != 1 || pending[0].si_signo != SIGURG;
    need_pt(PTRACE_DETACH, pid, 0, 0);
    kill(pid, SIGCONT);
    until_it_sleeps(pid);
  }
  tell("attached in a group-stop", wrong);
}

static void* end_at_once(void* nothing) { return nothing; }

static void make_threads(void) {
  for (int i = 0; i < kRounds; i++) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
  }
}

// Who has waited for a thread's end finds its number free.
static void is_reaped_at_once(void) {
  int wrong = 0;
  pid_t pid = spawn_seized("CHILD", make_threads, PTRACE_O_TRACECLONE);
  for (;;) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL);
    if (tid == pid && WIFEXITED(status)) break;
    if (WIFSTOPPED(status)) {
      need_pt(PTRACE_CONT, tid, 0, 0);
    } else {
      wrong += raw(syscall(SYS_tgkill, pid, tid, 0)) != -ESRCH;
    }
  }
  tell("wait", wrong);
}

int main(void) {
  start();
  shared = shared_memory(sizeof *shared);
  gate = gate_new();
  pid_t pid = spawn("CHILD", take_bytes);
  stops_at_once(pid, 0);
  stops_at_once(pid, 1);
  is_traced_at_once(pid);
  is_traced_in_group_stop(pid);
  end_child(pid);
  is_reaped_at_once();
  return 0;
}
