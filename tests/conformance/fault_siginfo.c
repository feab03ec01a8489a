// Signals of the tracee's own faults: si_code and address as the kernel made them; suppressed, the fault
// repeats; passed on, they kill.

#include "guest.h"

static volatile int kind;
static int* volatile nowhere = (int*)8;
static void body(void) {
  switch (kind) {
    case 0:
      *(volatile int*)nowhere = 1;
      break;
    case 1:
      *(volatile int*)(void*)body = 1;
      break;
    case 2:
      __asm__ volatile("ud2");
      break;
    case 3:
      __asm__ volatile("int3");
      break;
    case 4:
      __asm__ volatile("hlt");
      break;
    case 5:
      __asm__ volatile("xor %%edx, %%edx\n xor %%ecx, %%ecx\n mov $1, %%eax\n div %%ecx" ::
                           : "eax", "ecx", "edx");
      break;
    case 6:
      __asm__ volatile("pushf\n orl $0x100, (%%rsp)\n popf\n nop\n nop" ::: "memory", "cc");
      break;
  }
}

int main(void) {
  start();
  for (int i = 0; i < 7; i++) {
    kind = i;
    pid_t pid = spawn_stopped("CHILD", body);
    need_pt(PTRACE_CONT, pid, 0, 0);
    int status = tell_wait(pid, 0);
    tell_siginfo(pid);
    siginfo_t info;
    need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
    if (i == 0) say("address %p", info.si_addr);
    if (i == 1) say("address of the function: %d", info.si_addr == (void*)body);
    if (i == 2) say("address of the instruction: %d", (unsigned long)info.si_addr == registers(pid).rip);
    need_pt(PTRACE_CONT, pid, 0, i == 3 || i == 6 ? WSTOPSIG(status) : 0);
    status = tell_wait(pid, 0);
    if (WIFSTOPPED(status)) {
      need_pt(PTRACE_CONT, pid, 0, WSTOPSIG(status));
      tell_wait(pid, 0);
    }
  }
  return 0;
}
