// PRFPREG, GETFPREGS and XSTATE are views of one state; a write through any shows in the others and in the
// tracee. XCR0 stands at byte 464 of XSTATE. A bad XSTATE header is refused.

#include "guest.h"

static void body(void) {
  unsigned long low = 0, high = 0;
  __asm__ volatile(
      "mov $39, %%eax\n"  // getpid, so that the tracer can stop us with our own xmm7
      "mov $0x1111, %%edx\n"
      "movq %%rdx, %%xmm7\n"
      "syscall\n"
      "movq %%xmm7, %0\n"
      "movhlps %%xmm7, %%xmm7\n"
      "movq %%xmm7, %1\n"
      : "=r"(low), "=r"(high)
      :
      : "rax", "rcx", "rdx", "r11", "xmm7", "memory");
  say("CHILD: xmm7 is %#lx %#lx", high, low);
}

static char xstate[16384] __attribute__((aligned(64)));

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_enter(pid, SYS_getpid, SYSCALL_STOP);
  struct user_fpregs_struct fp;
  tell_pt(PTRACE_GETFPREGS, pid, 0, (unsigned long)&fp);
  say("xmm7 %#x %#x, mxcsr %#x, cwd %#x", fp.xmm_space[28], fp.xmm_space[29], fp.mxcsr, fp.cwd);
  fp.xmm_space[28] = 0x2222;
  tell_pt(PTRACE_SETFPREGS, pid, 0, (unsigned long)&fp);
  struct iovec iov = {xstate, sizeof xstate};
  tell_pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov);
  struct user_fpregs_struct* legacy = (struct user_fpregs_struct*)xstate;
  say("xmm7 in XSTATE %#x", legacy->xmm_space[28]);
  say("XCR0 has x87 and SSE: %d", (*(unsigned long*)(xstate + 464) & 3) == 3);
  legacy->xmm_space[30] = 0x3333;
  *(unsigned long*)(xstate + 512) |= 3;
  tell_pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov);
  iov = (struct iovec){&fp, sizeof fp};
  tell_pt(PTRACE_GETREGSET, pid, NT_PRFPREG, (unsigned long)&iov);
  say("xmm7 in PRFPREG %#x %#x", fp.xmm_space[28], fp.xmm_space[30]);
  fp.mxcsr = 0xffffffff;
  say("bad mxcsr: SETFPREGS %s", answer_words(pt(PTRACE_SETFPREGS, pid, 0, (unsigned long)&fp)));
  iov = (struct iovec){xstate, sizeof xstate};
  need_pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov);
  *(unsigned long*)(xstate + 512) = -1UL;
  say("bad xstate_bv: %s", answer_words(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov)));
  need_pt(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov);
  xstate[512 + 16] = 1;
  say("reserved header bytes: %s",
      answer_words(pt(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (unsigned long)&iov)));
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
