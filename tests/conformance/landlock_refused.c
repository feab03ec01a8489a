// landlock_restrict_self(2) that is refused, for flags that the kernel does not know or as the seventeenth,
// enters no domain: its caller may trace what it might before. Flags that a kernel knows don't hinder.

#include "guest.h"

struct ruleset {
  uint64_t handled_access_fs;
};
enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, MAKE_BLOCK = 1 << 11 };

static int ruleset;
static pid_t victim;

static long restrict_self(int fd, unsigned flags) { return raw(syscall(RESTRICT_SELF, fd, flags)); }

static unsigned flags_to_try;
static int descriptor_to_try;

static void restricted(void) {
  say("flags %#x: %s", flags_to_try, answer_words(restrict_self(descriptor_to_try, flags_to_try)));
  tell_pt(PTRACE_SEIZE, victim, 0, 0);
}

static void restricted_often(void) {
  for (int i = 0; i < 16; i++) NEED(restrict_self(ruleset, 0) == 0);
  pid_t own = spawn_blocked("OWN");
  say("one more: %s", answer_words(restrict_self(ruleset, 0)));
  tell_pt(PTRACE_SEIZE, own, 0, 0);
  end_child(own);
}

int main(void) {
  start();
  if (syscall(CREATE_RULESET, NULL, 0, 1) < 1) skip("the kernel has no Landlock");
  const struct ruleset attributes = {MAKE_BLOCK};
  ruleset = syscall(CREATE_RULESET, &attributes, sizeof(attributes), 0);
  NEED(ruleset >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  static const unsigned flags[] = {0, 1, 2, 4, 7, 0x40000000, 0x80000001, 0xffffffff};
  for (size_t i = 0; i < 2 * sizeof flags / sizeof flags[0]; i++) {
    flags_to_try = flags[i / 2];
    descriptor_to_try = i % 2 == 0 ? ruleset : -1;
    victim = spawn_blocked("VICTIM");
    need_wait(spawn(i % 2 == 0 ? "RULESET" : "NONE", restricted), EXITED(0));
    end_child(victim);
  }
  need_wait(spawn("OFTEN", restricted_often), EXITED(0));
  return 0;
}
