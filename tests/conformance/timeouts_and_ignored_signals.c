// A signal that is ignored does not lengthen the wait of a call that has a timeout, and is never restarted
// where a signal interrupts it (signal(7)). Its arguments are left as they were.

#include <sys/epoll.h>

#include "flood.h"

static long waits(long number, long epoll, int timeout, unsigned long* argument) {
  struct epoll_event event;
  long result = number;
  register long r10 __asm__("r10") = timeout;
  register long r8 __asm__("r8") = 0;
  register long r9 __asm__("r9") = 8;
  __asm__ volatile("syscall"
                   : "+a"(result), "+r"(r10)
                   : "D"(epoll), "S"(&event), "d"(1), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  *argument = r10;
  return result;
}

int main(void) {
  start();
  const int epoll = epoll_create1(0);
  const pid_t flooder = flood(getpid(), 5000);
  static const long numbers[] = {SYS_epoll_wait, SYS_epoll_pwait};
  static const char* const names[] = {"epoll_wait", "epoll_pwait"};
  for (int i = 0; i < 4; ++i) {
    unsigned long argument = 0;
    const long result = waits(numbers[i % 2], epoll, 100 + i, &argument);
    say("%s(%d) = %ld, then r10 is %lu", names[i % 2], 100 + i, result, argument);
  }
  kill(flooder, SIGKILL);
  return 0;
}
