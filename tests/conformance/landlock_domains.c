// landlock(7), Ptrace restrictions: a process in a Landlock domain may trace what is in the same domain or in
// one inside it, and nothing else; the same is true of who would become tracer by PTRACE_TRACEME.

#include "guest.h"

struct ruleset {
  uint64_t handled_access_fs;
};
enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, MAKE_BLOCK = 1 << 11 };
static Gate ready, go;

static void enter_domain(void) {
  const struct ruleset attributes = {MAKE_BLOCK};
  const int fd = syscall(CREATE_RULESET, &attributes, sizeof(attributes), 0);
  NEED(fd >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(RESTRICT_SELF, fd, 0) == 0);
  close(fd);
}

static void need_stop(pid_t pid) {
  int status;
  NEED(wait4_raw(pid, &status, __WALL) == pid && WIFSTOPPED(status));
}

static void attach_and_detach(pid_t pid) {
  if (tell_pt(PTRACE_SEIZE, pid, 0, 0) == 0) {
    need_pt(PTRACE_INTERRUPT, pid, 0, 0);
    need_stop(pid);
    need_pt(PTRACE_DETACH, pid, 0, 0);
  }
  if (tell_pt(PTRACE_ATTACH, pid, 0, 0) == 0) {
    need_stop(pid);
    need_pt(PTRACE_DETACH, pid, 0, 0);
  }
}

static void in_a_domain(void) {
  enter_domain();
  gate_open(ready);
  block_forever();
}

static void traces_itself(void) {
  gate_pass(go);
  tell_pt(PTRACE_TRACEME, 0, 0, 0);
}

static pid_t outside, inside;

static void restricted(void) {
  enter_domain();
  attach_and_detach(outside);
  attach_and_detach(inside);
  pid_t child = spawn("CHILD", block_forever);
  attach_and_detach(child);
  end_child(child);
  child = spawn("DEEPER", in_a_domain);
  gate_pass(ready);
  attach_and_detach(child);
  end_child(child);
  child = spawn("IN_MY_DOMAIN", traces_itself);
  gate_open(go);
  tell_wait(child, 0);
}

static void parent_restricted(void) {
  pid_t child = spawn("WAS_HERE_BEFORE", traces_itself);
  enter_domain();
  gate_open(go);
  tell_wait(child, 0);
  child = spawn("OWN", block_forever);
  attach_and_detach(child);
  end_child(child);
}

static void bad_descriptors(void) {
  say("-1: %s", answer_words(syscall(RESTRICT_SELF, -1, 0) < 0 ? -errno : 0));
  const int fd = open("/dev/null", O_RDONLY);
  say("/dev/null: %s", answer_words(syscall(RESTRICT_SELF, fd, 0) < 0 ? -errno : 0));
  attach_and_detach(outside);
}

int main(void) {
  start();
  if (syscall(CREATE_RULESET, NULL, 0, 1) < 1) skip("the kernel has no Landlock");
  ready = gate_new();
  go = gate_new();
  outside = spawn_blocked("OUTSIDE");
  inside = spawn("INSIDE", in_a_domain);
  gate_pass(ready);
  attach_and_detach(inside);
  tell_wait(spawn("RESTRICTED", restricted), 0);
  tell_wait(spawn("PARENT", parent_restricted), 0);
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  tell_wait(spawn("UNRESTRICTED", bad_descriptors), 0);
  end_child(outside);
  end_child(inside);
  return 0;
}
