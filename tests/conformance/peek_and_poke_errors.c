// PEEKTEXT/PEEKDATA store through the result pointer (the C library hides that): an unreadable tracee address
// is EIO, whatever the pointer; a bad pointer is EFAULT. POKE writes private pages that the tracee may
// not write, and answers EIO where nothing is mapped. Addresses need not be aligned.

#include "guest.h"

static void nothing(void) {}
static volatile unsigned long target = 0x1122334455667788;
static const volatile unsigned long read_only = 0x5555;

int main(void) {
  start();
  long page = sysconf(_SC_PAGESIZE);
  char* edge = hole() - page;
  char* hidden = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* own_read_only = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* shared_read_only = mmap(NULL, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = spawn_stopped("CHILD", nothing);

  static const long peeks[] = {PTRACE_PEEKTEXT, PTRACE_PEEKDATA};
  for (int i = 0; i < 2; i++) {
    unsigned long word = 0;
    const char* name = request_words(peeks[i]);
    unsigned long out = (unsigned long)&word;
    say("%s good: %s", name, answer_words(pt(peeks[i], pid, (unsigned long)&target, out)));
    say("  word %#lx", word);
    say("%s unaligned: %s", name, answer_words(pt(peeks[i], pid, (unsigned long)&target + 3, out)));
    say("  low bytes %#lx", word & 0xffffffff);
    say("%s address NULL: %s", name, answer_words(pt(peeks[i], pid, 0, out)));
    say("%s address 1: %s", name, answer_words(pt(peeks[i], pid, 1, out)));
    say("%s address -1: %s", name, answer_words(pt(peeks[i], pid, -1L, out)));
    say("%s kernel address: %s", name, answer_words(pt(peeks[i], pid, 1UL << (sizeof(long) * 8 - 1), out)));
    say("%s last word of a page: %s", name,
        answer_words(pt(peeks[i], pid, (unsigned long)edge + page - sizeof(long), out)));
    say("%s over the end of a page: %s", name,
        answer_words(pt(peeks[i], pid, (unsigned long)edge + page - sizeof(long) + 1, out)));
    say("%s PROT_NONE: %s", name, answer_words(pt(peeks[i], pid, (unsigned long)hidden, out)));
    say("%s to NULL: %s", name, answer_words(pt(peeks[i], pid, (unsigned long)&target, 0)));
    say("%s to 1: %s", name, answer_words(pt(peeks[i], pid, (unsigned long)&target, 1)));
    say("%s to a read-only page: %s", name,
        answer_words(pt(peeks[i], pid, (unsigned long)&target, (unsigned long)own_read_only)));
    say("%s to over the end of a page: %s", name,
        answer_words(pt(peeks[i], pid, (unsigned long)&target, (unsigned long)edge + page - 2)));
    say("%s both bad: %s", name, answer_words(pt(peeks[i], pid, 0, 0)));
  }
  static const long pokes[] = {PTRACE_POKETEXT, PTRACE_POKEDATA};
  for (int i = 0; i < 2; i++) {
    unsigned long word = 0;
    const char* name = request_words(pokes[i]);
    struct {
      const char* name;
      unsigned long address;
    } places[] = {{"data", (unsigned long)&target},
                  {"data unaligned", (unsigned long)&target + 1},
                  {"read-only data", (unsigned long)&read_only},
                  {"text", (unsigned long)(void*)nothing},
                  {"private read-only page", (unsigned long)own_read_only},
                  {"shared read-only page", (unsigned long)shared_read_only},
                  {"PROT_NONE page", (unsigned long)hidden},
                  {"over the end", (unsigned long)edge + page - 2},
                  {"NULL", 0},
                  {"1", 1},
                  {"-1", -1UL},
                  {"kernel", 1UL << (sizeof(long) * 8 - 1)}};
    for (size_t j = 0; j < sizeof places / sizeof places[0]; j++) {
      say("%s %s: %s", name, places[j].name, answer_words(pt(pokes[i], pid, places[j].address, 0x1234567)));
      if (pt(PTRACE_PEEKDATA, pid, places[j].address, (unsigned long)&word) == 0) say("  word %#lx", word);
    }
  }
  say("the tracer's own copy is what it was: %d", target == 0x1122334455667788 && read_only == 0x5555);
  end_child(pid);
  return 0;
}
