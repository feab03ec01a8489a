// Where a result, or what is asked, lies below the stack, the stack grows, as by any other access; so does
// memory that was mapped with MAP_GROWSDOWN. Not where something else is in the way.

#include "guest.h"

static void nothing(void) {}

static char* place;

static void* next_place(void) {
  place -= 100 * 1024;
  return place;
}

static void ask(void) {
  pid_t pid = spawn_traced("CHILD", nothing);
  say("waitid %s",
      answer_words(raw(syscall(SYS_waitid, P_PID, pid, next_place(), WSTOPPED | WNOWAIT, NULL))));
  say("  signal %d", ((siginfo_t*)place)->si_status);
  say("wait4 %s", pid_words(syscall(SYS_wait4, pid, next_place(), __WALL, NULL)));
  say("  %s", status_words(*(int*)place));
  say("GETSIGINFO %s", answer_words(pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)next_place())));
  say("  signal %d", ((siginfo_t*)place)->si_signo);
  say("SETSIGMASK %s", answer_words(pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)next_place())));
  struct iovec* iov = next_place();
  say("GETREGSET %s", answer_words(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)iov)));
  say("  length %zu", iov->iov_len);
  end_child(pid);
}

int main(void) {
  start();
  int here;
  place = (char*)((unsigned long)&here & ~0xfffful);
  next_place();
  ask();
  const size_t room = 4 << 20;
  char* memory = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  NEED(memory != MAP_FAILED && munmap(memory, room) == 0);
  char* top = memory + room - 4096;
  NEED(mmap(top, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1,
            0) == top);
  say("MAP_GROWSDOWN");
  place = top;
  ask();
  char* hole_at = memory;
  say("too far: %s", answer_words(raw(syscall(SYS_wait4, -1, hole_at, WNOHANG, NULL))));
  return 0;
}
