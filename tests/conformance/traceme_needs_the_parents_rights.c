// ptrace(2), PTRACE_TRACEME: refused if the parent may not trace the child: it lacks a capability that the
// child has (security/commoncap.c:cap_ptrace_traceme).

#include <linux/capability.h>

#include "guest.h"

static Gate go, go_too;
static struct __user_cap_header_struct version = {_LINUX_CAPABILITY_VERSION_3, 0};

static void drop_capabilities(void) {
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  NEED(syscall(SYS_capset, &version, none) == 0);
}

static void traces_itself(void) {
  gate_pass(go);
  tell_pt(PTRACE_TRACEME, 0, 0, 0);
}

static void traces_itself_without(void) {
  drop_capabilities();
  gate_pass(go_too);
  tell_pt(PTRACE_TRACEME, 0, 0, 0);
}

static void drops_them_later(void) {
  pid_t with = spawn("WITH", traces_itself);
  pid_t without = spawn("WITHOUT", traces_itself_without);
  drop_capabilities();
  gate_open(go);
  tell_wait(with, 0);
  gate_open(go_too);
  tell_wait(without, 0);
}

int main(void) {
  start();
  struct __user_cap_data_struct own[2];
  NEED(syscall(SYS_capget, &version, own) == 0);
  if (own[0].permitted == 0) skip("needs capabilities");
  go = gate_new();
  go_too = gate_new();
  tell_wait(spawn("PARENT", drops_them_later), 0);
  pid_t without = spawn("WITHOUT_OF_ONE_WITH", traces_itself_without);
  gate_open(go_too);
  tell_wait(without, 0);
  return 0;
}
