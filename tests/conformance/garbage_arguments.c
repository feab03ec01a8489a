// Garbage in the address and data of every request that does not resume the tracee: what the kernel answers,
// and that the tracee survives it.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  long page = sysconf(_SC_PAGESIZE);
  // At fixed places: some requests judge the lower half of an address.
  char* read_only =
      mmap((void*)0x30000000, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  char* zeros = mmap((void*)0x31000000, page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  NEED(read_only == (void*)0x30000000 && zeros == (void*)0x31000000);
  static const long requests[] = {PTRACE_PEEKTEXT,
                                  PTRACE_PEEKDATA,
                                  PTRACE_PEEKUSR,
                                  PTRACE_POKETEXT,
                                  PTRACE_POKEDATA,
                                  PTRACE_POKEUSR,
                                  PTRACE_GETREGS,
                                  PTRACE_SETREGS,
                                  PTRACE_GETFPREGS,
                                  PTRACE_SETFPREGS,
                                  PTRACE_GETFPXREGS,
                                  PTRACE_SETFPXREGS,
                                  PTRACE_OLDSETOPTIONS,
                                  PTRACE_GET_THREAD_AREA,
                                  PTRACE_SET_THREAD_AREA,
                                  PTRACE_ARCH_PRCTL,
                                  PTRACE_SETOPTIONS,
                                  PTRACE_GETEVENTMSG,
                                  PTRACE_GETSIGINFO,
                                  PTRACE_SETSIGINFO,
                                  PTRACE_GETREGSET,
                                  PTRACE_SETREGSET,
                                  PTRACE_LISTEN,
                                  PTRACE_PEEKSIGINFO,
                                  PTRACE_GETSIGMASK,
                                  PTRACE_SETSIGMASK,
                                  PTRACE_GET_SYSCALL_INFO,
                                  PTRACE_SET_SYSCALL_INFO,
                                  PTRACE_GET_RSEQ_CONFIGURATION,
                                  PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG,
                                  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
                                  PTRACE_ATTACH,
                                  PTRACE_SEIZE,
                                  PTRACE_INTERRUPT};
  const struct {
    const char* name;
    unsigned long word;
  } words[] = {{"0", 0},
               {"1", 1},
               {"8", 8},
               {"-1", -1UL},
               {"kernel", 0xffff800000000000},
               {"not canonical", 0x800000000000},
               {"read-only", (unsigned long)read_only},
               {"zeros", (unsigned long)zeros}};
  enum { WORDS = sizeof words / sizeof words[0] };
  pid_t pid = spawn_stopped("CHILD", nothing);
  struct user_regs_struct saved = registers(pid);
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    for (int j = 0; j < WORDS; j++) {
      for (int k = 0; k < WORDS; k++) {
        memset(zeros, 0, page);
        long answer = pt(requests[i], pid, words[j].word, words[k].word);
        say("%s(%s, %s) = %s", request_words(requests[i]), words[j].name, words[k].name,
            answer_words(answer));
        need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&saved);
        need_pt(PTRACE_SETOPTIONS, pid, 0, 0);
      }
    }
  }
  end_child(pid);
  return 0;
}
