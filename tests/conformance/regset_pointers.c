// GETREGSET/SETREGSET with bad pointers: EFAULT for the iovec, for its base, and for a base that ends half
// way; the type is looked at after the iovec. The iovec may lie in a page that cannot be written: the
// length cannot be given back.

#include "guest.h"

static void nothing(void) {}

static const unsigned types[] = {NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE, 0x999};

static void both(pid_t pid, const char* what, unsigned long iov) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    long get = pt(PTRACE_GETREGSET, pid, types[i], iov);
    say("%s, type %#x: GET %s", what, types[i], answer_words(get));
    long set = pt(PTRACE_SETREGSET, pid, types[i], iov);
    say("%s, type %#x: SET %s", what, types[i], answer_words(set));
  }
}

int main(void) {
  start();
  long page = sysconf(_SC_PAGESIZE);
  char* edge = hole() - page;
  pid_t pid = spawn_stopped("CHILD", nothing);
  both(pid, "iovec NULL", 0);
  both(pid, "iovec 1", 1);
  both(pid, "iovec kernel", 1UL << 63);
  both(pid, "iovec over the end", (unsigned long)edge + page - 8);
  struct iovec iov = {NULL, 64};
  both(pid, "base NULL", (unsigned long)&iov);
  iov.iov_len = 0;
  both(pid, "base NULL length 0", (unsigned long)&iov);
  iov = (struct iovec){(void*)(1UL << 63), 64};
  both(pid, "base kernel", (unsigned long)&iov);
  iov = (struct iovec){edge + page - 32, 64};
  memset(edge, 0x5a, page);
  say("base over the end: GET PRSTATUS %s",
      answer_words(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov)));
  say("length now %zu", iov.iov_len);
  iov.iov_len = 7;
  say("length 7, base NULL: %s", answer_words(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov)));
  struct iovec* locked = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static char regs[1024];
  *locked = (struct iovec){regs, sizeof regs};
  NEED(mprotect(locked, page, PROT_READ) == 0);
  say("iovec read-only: GET PRSTATUS %s",
      answer_words(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)locked)));
  say("stored anyway: %d", ((struct user_regs_struct*)regs)->cs == registers(pid).cs);
  say("SET PRSTATUS %s", answer_words(pt(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)locked)));
  end_child(pid);
  return 0;
}
