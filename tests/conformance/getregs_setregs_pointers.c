// GETREGS, SETREGS, GETFPREGS, SETFPREGS with bad pointers: EFAULT. What a general-register transfer did
// before the fault stays done; a floating-point one is all or nothing.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  long page = sysconf(_SC_PAGESIZE);
  char* edge = hole() - page;
  char* read_only = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pid_t pid = spawn_stopped("CHILD", nothing);
  struct user_regs_struct saved = registers(pid);
  struct {
    const char* name;
    unsigned long pointer;
  } pointers[] = {{"NULL", 0},
                  {"1", 1},
                  {"kernel", 1UL << 63},
                  {"read-only", (unsigned long)read_only},
                  {"16 bytes before the end", (unsigned long)edge + page - 16}};
  static const long requests[] = {PTRACE_GETREGS,   PTRACE_SETREGS,    PTRACE_GETFPREGS,
                                  PTRACE_SETFPREGS, PTRACE_GETFPXREGS, PTRACE_SETFPXREGS};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    for (size_t j = 0; j < sizeof pointers / sizeof pointers[0]; j++) {
      if (requests[i] == PTRACE_SETREGS && pointers[j].pointer == (unsigned long)read_only) continue;
      memset(edge, 0x5a, page);
      long answer = pt(requests[i], pid, 0, pointers[j].pointer);
      say("%s %s: %s", request_words(requests[i]), pointers[j].name, answer_words(answer));
      if (pointers[j].pointer > (unsigned long)edge && pointers[j].pointer < (unsigned long)edge + page) {
        say("  16 bytes stored: %d", (unsigned char)edge[page - 16] != 0x5a);
        struct user_regs_struct now = registers(pid);
        say("  registers changed: r15 %d r12 %d", now.r15 != saved.r15, now.r12 != saved.r12);
        need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&saved);
      }
    }
  }
  say("the address register does not matter");
  struct user_regs_struct regs;
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, pid, -1L, (unsigned long)&regs)));
  say("same: %d", memcmp(&regs, &saved, sizeof regs) == 0);
  end_child(pid);
  return 0;
}
