// Shared by the guests about memory whose pages another process fills as they are touched: it traces before
// it fills one, and the caller names one for each request and wait.

#ifndef NESTRACE_TESTS_CONFORMANCE_FILLED_PAGES_H_
#define NESTRACE_TESTS_CONFORMANCE_FILLED_PAGES_H_

#include "guest.h"

#define PAGE 4096UL
enum { PAGES = 64 };

static int filling = -1;  // the descriptor by which they are filled
static char* region;      // of PAGES pages
static size_t used;       // so many of them
static pid_t child;

KIT char* fresh_page(void) { return region + PAGE * used++; }

// ---- Who fills them

static void nothing(void) {}

// Traces a child of its own from its birth to its end, and says what then is to stand in the page at `addr`.
KIT char* traced_page(char* addr) {
  static char contents[PAGE] __attribute__((aligned(4096)));
  pid_t pid = spawn_stopped("FILLER'S", nothing);
  registers(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, EXITED(0));
  memset(contents, 0x5a, PAGE);
  // A register set's iovec: 64 bytes, behind it.
  struct iovec vector = {addr + sizeof vector, 64};
  memcpy(contents, &vector, sizeof vector);
  say("a page is filled");
  return contents;
}

// ---- Who names them

KIT void stop_twice(void) {
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
}

KIT void tell_requests(void) {
  static const long requests[] = {PTRACE_GETREGS, PTRACE_GETFPREGS, PTRACE_GETSIGINFO, PTRACE_GETEVENTMSG,
                                  PTRACE_PEEKDATA};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    char* page = fresh_page();
    unsigned long addr = requests[i] == PTRACE_PEEKDATA ? (unsigned long)&filling : 0;
    say("%s: %s", request_words(requests[i]),
        answer_words(pt(requests[i], child, addr, (unsigned long)page)));
    say("  stored: %d", page[0] != 0x5a || page[1] != 0x5a);
  }
  char* page = fresh_page();
  say("GETREGSET: %s", answer_words(pt(PTRACE_GETREGSET, child, NT_PRSTATUS, (unsigned long)page)));
  say("  length %zu, behind it %x", ((struct iovec*)page)->iov_len, (unsigned char)page[16 + 64]);
  // Over two pages, each of which is missing.
  page = fresh_page();
  fresh_page();
  say("GETREGS over two pages: %s",
      answer_words(pt(PTRACE_GETREGS, child, 0, (unsigned long)(page + PAGE - 16))));
  struct user_regs_struct saved = registers(child);
  say("  the same: %d", memcmp(page + PAGE - 16, &saved, sizeof saved) == 0);
  say("SETREGSET: %s", answer_words(pt(PTRACE_SETREGSET, child, NT_PRSTATUS, (unsigned long)fresh_page())));
  say("  r10 is %#llx", registers(child).r10);
  need_pt(PTRACE_SETREGS, child, 0, (unsigned long)&saved);
}

KIT void tell_waits(void) {
  int* status = (int*)fresh_page();
  need_pt(PTRACE_CONT, child, 0, 0);
  say("wait4: %s", pid_words(wait4_raw(child, status, __WALL)));
  say("  %s, behind it %x", status_words(*status), status[100]);
  need_pt(PTRACE_CONT, child, 0, 0);
  siginfo_t* info = (siginfo_t*)fresh_page();
  say("waitid: %s", answer_words(waitid_raw(P_PID, child, info, WSTOPPED | WEXITED)));
  say("  %s", siginfo_words(info));
  status = (int*)fresh_page();
  say("wait4 with WNOHANG: %s", answer_words(wait4_raw(child, status, __WALL | WNOHANG)));
}

#endif  // NESTRACE_TESTS_CONFORMANCE_FILLED_PAGES_H_
