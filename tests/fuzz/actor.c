// The actors: processes and threads that wait for a command, carry it out, and leave the answer.

#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "shared.h"

char actor_stacks[kActors][kStackSize] __attribute__((aligned(4096)));
long probe_word = 0x1234;
const long constant_word = 0x5678;

enum { kRestorer = 0x04000000 };

// No loop of our own may become a call of memset or memcpy, which the C library chooses at its start; after
// exec there was none.

static void fill(void* to, int byte, size_t size) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
}

long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}

static long call3(long number, long a, long b, long c) { return call6(number, a, b, c, 0, 0, 0); }

static long int80(long number) {
  // 32-bit calls clear r8 to r11.
  __asm__ volatile("int $0x80"
                   : "+a"(number)
                   : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
                   : "r8", "r9", "r10", "r11", "memory");
  return number;
}

__attribute__((noreturn, used)) static void actor_main(struct Actor* self) {
  for (;;) {
    uint32_t go;
    while ((go = __atomic_load_n(&self->go, __ATOMIC_ACQUIRE)) == self->done) {
      call6(SYS_futex, (long)&self->go, FUTEX_WAIT, go, 0, 0, 0);
    }
    carry_out(self);
    __atomic_store_n(&self->done, go, __ATOMIC_RELEASE);
  }
}

// The child finds its actor on its stack.
static uint64_t* first_stack(struct Actor* actor) {
  uint64_t* top = (uint64_t*)(actor_stacks[actor - SHARED->actors] + kStackSize - 64);
  top[0] = (uint64_t)actor;
  return top;
}

// The vector registers are inherited: nothing of the controller's shall be in them.
static void clear_vectors(void) {
  __asm__ volatile(
      "pxor %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n pxor %%xmm2, %%xmm2\n pxor %%xmm3, %%xmm3\n"
      "pxor %%xmm4, %%xmm4\n pxor %%xmm5, %%xmm5\n pxor %%xmm6, %%xmm6\n pxor %%xmm7, %%xmm7\n"
      "pxor %%xmm8, %%xmm8\n pxor %%xmm9, %%xmm9\n pxor %%xmm10, %%xmm10\n pxor %%xmm11, %%xmm11\n"
      "pxor %%xmm12, %%xmm12\n pxor %%xmm13, %%xmm13\n pxor %%xmm14, %%xmm14\n pxor %%xmm15, %%xmm15\n" ::
          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
            "xmm12", "xmm13", "xmm14", "xmm15");
}

long clone_actor(struct Actor* actor, unsigned long flags) {
  clear_vectors();
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  long result = SYS_clone;
  __asm__ volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov (%%rsp), %%rdi\n"
      "call actor_main\n"
      "1:\n"
      : "+a"(result)
      : "D"(flags | CLONE_PARENT_SETTID), "S"(first_stack(actor)), "d"(&actor->tid), "r"(r10), "r"(r8)
      : "rcx", "r11", "memory");
  return result;
}

long clone3_actor(struct Actor* self, struct Actor* actor, unsigned long flags) {
  clear_vectors();
  uint64_t* args = self->clone_args;
  uint64_t* top = first_stack(actor);
  fill(args, 0, sizeof(self->clone_args));
  args[0] = (flags & ~0xfful) | CLONE_PARENT_SETTID;
  args[3] = (uint64_t)&actor->tid;
  args[4] = flags & 0xff;
  args[5] = (uint64_t)top & ~0xffful;  // stack, and its size
  args[6] = (uint64_t)top - args[5];
  long result = SYS_clone3;
  __asm__ volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov (%%rsp), %%rdi\n"
      "call actor_main\n"
      "1:\n"
      : "+a"(result)
      : "D"(args), "S"(64)
      : "rcx", "r11", "memory");
  return result;
}

// -- Signals

static void handler(int signo, siginfo_t* info, void* context) {
  (void)signo;
  (void)context;
  char here;
  const size_t index = (size_t)(&here - &actor_stacks[0][0]) / kStackSize;
  struct Actor* self = &SHARED->actors[index];
  struct Record* record = &self->records[self->record_count % kRecords];
  record->signo = info->si_signo;
  record->code = info->si_code;
  record->pid = info->si_pid;
  record->uid = info->si_uid;
  record->status = info->si_status;
  self->record_count++;
}

__attribute__((naked)) static void restorer(void) { __asm__("mov $15, %eax\n syscall"); }

static long set_action(long signo, long how, long flags) {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } action = {how == 2 ? (void*)handler : (void*)how, flags | kRestorer | SA_SIGINFO, (void*)restorer, 0};
  return call6(SYS_rt_sigaction, signo, (long)&action, 0, 8, 0, 0);
}

static long queue(struct Actor* self, int thread, long pid, long signo) {
  siginfo_t* info = (siginfo_t*)self->buffer;
  fill(info, 0, sizeof(*info));
  info->si_signo = signo;
  info->si_code = SI_QUEUE;
  info->si_pid = self->tgid;
  info->si_uid = 7;
  info->si_value.sival_int = 11;
  if (!thread) return call3(SYS_rt_sigqueueinfo, pid, signo, (long)info);
  return call6(SYS_rt_tgsigqueueinfo, self->command.args[2], pid, signo, (long)info, 0, 0);
}

// -- ptrace

static long trace(long request, long pid, long addr, long data) {
  return call6(SYS_ptrace, request, pid, addr, data, 0, 0);
}

enum { kPeekSigInfo = 0x4209, kSetSigMask = 0x420b, kGetRegSet = 0x4204, kSetRegSet = 0x4205 };

static long request(struct Actor* self) {
  const int64_t* args = self->command.args;
  const int64_t payload = args[4];
  long addr = args[2], data = args[3];
  fill(self->buffer, 0x5a, sizeof(self->buffer));
  if (args[0] == kGetRegSet || args[0] == kSetRegSet) {
    self->iov[0] = (uint64_t)self->buffer;
    self->iov[1] = payload;
    data = (long)self->iov;
    if (args[0] == kSetRegSet) {  // what it has already
      self->iov[1] = kBufferSize;
      if (trace(kGetRegSet, args[1], addr, data) == 0) self->iov[1] = payload;
    }
  } else if (args[0] == kPeekSigInfo) {
    uint64_t* peek = (uint64_t*)(self->buffer + kBufferSize - 16);
    peek[0] = payload & 0xffff;
    peek[1] = ((uint64_t)(payload >> 16) & 0xffff) | (uint64_t)(payload >> 32) << 32;  // flags, nr
    addr = (long)peek;
  } else if (args[0] == kSetSigMask) {
    *(int64_t*)self->buffer = payload;
  }
  return trace(args[0], args[1], addr, data);
}

// GETREGS, one register changed, SETREGS.
static long rewrite(struct Actor* self) {
  const int64_t* args = self->command.args;
  uint64_t* regs = (uint64_t*)self->buffer;
  self->result2 = trace(PTRACE_GETREGS, args[0], 0, (long)regs);
  if (self->result2 < 0) return -1;
  regs[args[1]] = args[2];
  return trace(PTRACE_SETREGS, args[0], 0, (long)regs);
}

// GETSIGINFO, one field changed, SETSIGINFO.
static long resign(struct Actor* self) {
  const int64_t* args = self->command.args;
  siginfo_t* info = (siginfo_t*)self->buffer;
  fill(info, 0, sizeof(*info));
  self->result2 = trace(PTRACE_GETSIGINFO, args[0], 0, (long)info);
  if (args[1] == 0) info->si_signo = args[2];
  if (args[1] == 1) info->si_code = args[2];
  if (args[1] == 2) info->si_status = args[2];
  return trace(PTRACE_SETSIGINFO, args[0], 0, (long)info);
}

// -- Other calls

static long block(long how, long set) {
  struct timespec long_time = {1000, 0};
  long word = 0;
  long fds[1] = {0};
  switch (how) {
    case 0:
      return call3(SYS_nanosleep, (long)&long_time, 0, 0);
    case 1:
      return call3(SYS_pause, 0, 0, 0);
    case 2:
      if (call3(SYS_pipe, (long)fds, 0, 0) < 0) return -1;
      return call3(SYS_read, (int)fds[0], (long)&word, 1);
    case 3:
      return call3(SYS_rt_sigsuspend, (long)&set, 8, 0);
    case 4:
      call6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, 8, 0, 0);
      return call6(SYS_rt_sigtimedwait, (long)&set, 0, 0, 8, 0, 0);
    case 5:
      return call3(SYS_poll, 0, 0, 1000000);
    case 6:
      return call6(SYS_futex, (long)&word, FUTEX_WAIT, 0, (long)&long_time, 0, 0);
    default:
      return call6(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&long_time, 0, 0, 0);
  }
}

static long install_filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 7),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 33),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  call6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
  return call3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program);
}

static long fault(long kind) {
  switch (kind) {
    case 0:
      __asm__ volatile("int3");
      return 0;
    case 1:
      *(volatile long*)HOLE = 1;
      return 0;
    case 2:
      __asm__ volatile("ud2");
      return 0;
    default:
      *(volatile long*)&constant_word = 1;
      return 0;
  }
}

// The image starts again as the same actor (start.c).
static long exec_self(struct Actor* self) {
  char index[2] = {(char)('a' + (self - SHARED->actors)), 0};
  char* argv[] = {"actor", index, NULL};
  char* envp[] = {NULL};
  return call3(SYS_execve, (long)"/proc/self/exe", (long)argv, (long)envp);
}

static long wait_pidfd(struct Actor* self) {
  const int64_t* args = self->command.args;
  const long fd = call3(434 /* pidfd_open */, args[0], 0, 0);
  if (fd < 0) {
    self->result2 = fd;
    return -1;
  }
  self->result2 = 0;
  const long result =
      call6(SYS_waitid, 3 /* P_PIDFD */, fd, (long)&self->info, args[1], (long)&self->usage, 0);
  call3(SYS_close, fd, 0, 0);
  return result;
}

void carry_out(struct Actor* self) {
  const struct Command* command = &self->command;
  const int64_t* args = command->args;
  struct Actor* child = &SHARED->actors[command->child];
  long result = 0;
  switch (command->verb) {
    case kClone:
      result = clone_actor(child, args[0]);
      break;
    case kClone3:
      result = clone3_actor(self, child, args[0]);
      break;
    case kPtrace:
      result = request(self);
      break;
    case kRewrite:
      result = rewrite(self);
      break;
    case kResign:
      result = resign(self);
      break;
    case kWait4:
    case kWaitid:
    case kWaitPidfd:
      fill(&self->info, 0x5a, sizeof(self->info));
      fill(&self->usage, 0x5a, sizeof(self->usage));
      self->status = 0x5a5a5a5a;
      if (command->verb == kWait4) {
        result = call6(SYS_wait4, args[0], (long)&self->status, args[1], (long)&self->usage, 0, 0);
      } else if (command->verb == kWaitid) {
        result = call6(SYS_waitid, args[0], args[1], (long)&self->info, args[2], (long)&self->usage, 0);
      } else {
        result = wait_pidfd(self);
      }
      break;
    case kKill:
      result = call3(SYS_kill, args[0], args[1], 0);
      break;
    case kTkill:
      result = call3(SYS_tkill, args[0], args[1], 0);
      break;
    case kQueue:
    case kTgqueue:
      result = queue(self, command->verb == kTgqueue, args[0], args[1]);
      break;
    case kAction:
      result = set_action(args[0], args[1], args[2]);
      break;
    case kMask:
      result = call6(SYS_rt_sigprocmask, args[0], (long)&args[1], 0, 8, 0, 0);
      break;
    case kPending:
      result = call3(SYS_rt_sigpending, (long)self->buffer, 8, 0);
      break;
    case kCall:
      result = call3(args[0], 0, 0, 0);
      break;
    case kInt80:
      result = int80(args[0]);
      break;
    case kBlock:
      result = block(args[0], args[1]);
      break;
    case kTake: {
      struct timespec none = {0, 0};
      long set = args[0];
      fill(&self->info, 0, sizeof(self->info));
      call6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, 8, 0, 0);
      result = call6(SYS_rt_sigtimedwait, (long)&set, (long)&self->info, (long)&none, 8, 0, 0);
      break;
    }
    case kExec:
      result = exec_self(self);
      break;
    case kExit:
      call3(SYS_exit, args[0], 0, 0);
      break;
    case kExitGroup:
      call3(SYS_exit_group, args[0], 0, 0);
      break;
    case kSetpgid:
      result = call3(SYS_setpgid, 0, 0, 0);
      break;
    case kFault:
      result = fault(args[0]);
      break;
    case kFilter:
      result = install_filter();
      break;
    case kPdeath:
      result = call6(SYS_prctl, PR_SET_PDEATHSIG, args[0], 0, 0, 0, 0);
      break;
  }
  self->result = result;
}

// An actor after exec: _start leads here (start.S part below), on a stack that is not its own yet.
__attribute__((noreturn, used)) static void actor_again(struct Actor* self) {
  self->tid = call3(SYS_gettid, 0, 0, 0);
  self->execs++;
  self->result = 0;
  __atomic_store_n(&self->done, self->go, __ATOMIC_RELEASE);
  actor_main(self);
}

__attribute__((noreturn, used)) static void start_actor(int index) {
  call6(SYS_mmap, (long)SHARED, sizeof(struct Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
        kSharedFd, 0);
  char* top = actor_stacks[index] + kStackSize - 64;
  __asm__ volatile("mov %0, %%rsp\n xor %%ebp, %%ebp\n call actor_again" ::"r"(top),
                   "D"(&SHARED->actors[index]));
  __builtin_unreachable();
}

// The entry point: "actor X" is an actor after exec, anything else the controller, whose C library starts.
__asm__(
    ".globl fuzz_start\n"
    "fuzz_start:\n"
    "  cmpq $2, (%rsp)\n"
    "  jne _start\n"
    "  mov 8(%rsp), %rax\n"
    "  cmpl $0x6f746361, (%rax)\n"  // "acto"
    "  jne _start\n"
    "  mov 16(%rsp), %rax\n"
    "  movzbl (%rax), %edi\n"
    "  sub $0x61, %edi\n"
    "  and $-16, %rsp\n"
    "  call start_actor\n");
