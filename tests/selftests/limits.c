// Shows without nestrace what the kernel allows a thread that has a filter with a listener, as every guest
// has:
//   gcc -o limits limits.c && ./limits

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
  return result < 0;
}

int main(void) {
  struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {1, allow};
  const unsigned long listener = SECCOMP_FILTER_FLAG_NEW_LISTENER;

  if (fails("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) ||
      fails("the supervisor's listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listener, &program)))
    return 1;
  fails("the guest's listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listener, &program));
  fflush(stdout);
  return 0;
}
