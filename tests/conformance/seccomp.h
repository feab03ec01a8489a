// Shared by the guests about seccomp filters: installs one that answers `action` for one system call.

#ifndef NESTRACE_TESTS_CONFORMANCE_SECCOMP_H_
#define NESTRACE_TESTS_CONFORMANCE_SECCOMP_H_

#include "guest.h"

KIT void filter_call(long number, unsigned action) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

#endif  // NESTRACE_TESTS_CONFORMANCE_SECCOMP_H_
