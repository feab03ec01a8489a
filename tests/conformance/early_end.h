// What a tracer sets from a buffer of which only the beginning can be read, since it ends where no memory
// is: the kernel looks at lengths first, then reads what it needs, and of the general registers takes word by
// word. For tracers of 64 and of 32 bits, and tracees of either.

#include "guest.h"

#define WORDS (sizeof(struct user_regs_struct) / sizeof(long))

static char* edge;  // no memory from here on

static unsigned long ends_after(const void* bytes, size_t readable) {
  memcpy(edge - readable, bytes, readable);
  return (unsigned long)(edge - readable);
}

// How many of the general registers are not what they were; which they are again.
static int changed(pid_t pid, const struct user_regs_struct* saved) {
  const struct user_regs_struct regs = registers(pid);
  int count = 0;
  for (size_t i = 0; i < WORDS; i++) count += ((unsigned long*)&regs)[i] != ((unsigned long*)saved)[i];
  need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)saved);
  return count;
}

static void general(pid_t pid) {
  const struct user_regs_struct saved = registers(pid);
  struct user_regs_struct wanted = saved;
  for (int i = 0; i < 4; i++) ((unsigned long*)&wanted)[i]++;
  static const size_t readable[] = {0, 3, 4, 7, 8, 12, 16, 24, 32, sizeof wanted - 4, sizeof wanted};
  for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++) {
    const long answer = pt(PTRACE_SETREGS, pid, 0, ends_after(&wanted, readable[i]));
    say("SETREGS, %zu bytes: %s, %d changed", readable[i], answer_words(answer), changed(pid, &saved));
  }
}

static void floating_point(pid_t pid, long get, long set, size_t size) {
  static unsigned char bytes[1024], now[1024];
  need_pt(get, pid, 0, (unsigned long)bytes);
  for (size_t readable = 0; readable <= size; readable += size / 4) {
    bytes[32]++;
    const long answer = pt(set, pid, 0, ends_after(bytes, readable));
    need_pt(get, pid, 0, (unsigned long)now);
    say("%s, %zu bytes: %s, taken %d", request_words(set), readable, answer_words(answer),
        now[32] == bytes[32]);
  }
}

static void regsets(pid_t pid) {
  static const unsigned types[] = {NT_PRSTATUS,   NT_PRFPREG,  NT_X86_XSTATE, NT_386_TLS,
                                   NT_386_IOPERM, NT_PRXFPREG, 0x204,         0x999};
  const struct user_regs_struct saved = registers(pid);
  static unsigned char bytes[16384];
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct iovec iov = {bytes, sizeof bytes};
    memset(bytes, 0, sizeof bytes);
    const long got = pt(PTRACE_GETREGSET, pid, types[i], (unsigned long)&iov);
    say("regset %#x: %s", types[i], answer_words(got));
    if (types[i] == NT_PRSTATUS) {
      for (int word = 0; word < 4; word++) bytes[8 * word]++;
    }
    const size_t whole = iov.iov_len < 3000 ? iov.iov_len : 3000;
    const struct {
      const char* name;
      size_t length;
    } lengths[] = {{"0", 0},     {"4", 4},       {"8", 8},
                   {"20", 20},   {"24", 24},     {"108", 108},
                   {"512", 512}, {"all", whole}, {"all and 8", whole + 8}};
    for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
      const size_t length = lengths[j].length;
      const size_t readable[] = {0, length / 2 & ~3ul, length < 4 ? 0 : length - 4, length};
      for (int k = 0; k < 4; k++) {
        iov = (struct iovec){(void*)ends_after(bytes, readable[k]), length};
        const long answer = pt(PTRACE_SETREGSET, pid, types[i], (unsigned long)&iov);
        say("  length %s, readable %d: %s, shorter %d, %d changed", lengths[j].name, k, answer_words(answer),
            iov.iov_len < length, changed(pid, &saved));
      }
      iov = (struct iovec){(void*)~0xfffl, length};
      say("  length %s of the kernel's: %s", lengths[j].name,
          answer_words(pt(PTRACE_SETREGSET, pid, types[i], (unsigned long)&iov)));
    }
  }
}

static void siginfos(pid_t pid, const char* stop) {
  siginfo_t saved, info, now;
  const long got = pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&saved);
  say("siginfo of a %s: %s", stop, answer_words(got));
  static const int codes[] = {SI_QUEUE, 100};  // the layout of the second is not known
  static const size_t readable[] = {0, 4, 12, 16, 47, 48, 64, 127, 128};
  for (int i = 0; i < 4; i++) {
    memset(&info, 0, sizeof info);
    info.si_signo = SIGUSR1;
    info.si_code = codes[i / 2];
    if (i % 2 != 0) ((char*)&info)[100] = 1;
    for (size_t j = 0; j < sizeof readable / sizeof readable[0]; j++) {
      info.si_value.sival_int = j;
      const long answer = pt(PTRACE_SETSIGINFO, pid, 0, ends_after(&info, readable[j]));
      memset(&now, 0, sizeof now);
      pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&now);
      say("  code %d, tail %d, %zu bytes: %s, taken %d", info.si_code, i % 2, readable[j],
          answer_words(answer),
          now.si_value.sival_int == info.si_value.sival_int && now.si_code == info.si_code);
    }
  }
  if (got == 0) need_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&saved);
}

static void others(pid_t pid) {
  char bytes[128] = {0};
  for (size_t readable = 0; readable <= 32; readable += 4) {
    say("%zu bytes: SIGMASK %s, of 7 %s, DISPATCH %s, of 31 %s, THREAD_AREA %s, -1 %s", readable,
        answer_words(pt(PTRACE_SETSIGMASK, pid, 8, ends_after(bytes, readable))),
        answer_words(pt(PTRACE_SETSIGMASK, pid, 7, ends_after(bytes, readable))),
        answer_words(pt(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, pid, 32, ends_after(bytes, readable))),
        answer_words(pt(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, pid, 31, ends_after(bytes, readable))),
        answer_words(pt(PTRACE_SET_THREAD_AREA, pid, 14, ends_after(bytes, readable))),
        answer_words(pt(PTRACE_SET_THREAD_AREA, pid, -1, ends_after(bytes, readable))));
  }
}

static void syscall_infos(pid_t pid) {
  static const size_t sizes[] = {0, 24, 84, 87, 88, 89, 128, 4096};
  static const size_t readable[] = {0, 1, 24, 84, 87, 88, 100, 128};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t j = 0; j < sizeof readable / sizeof readable[0]; j++) {
      char info[128] = {0};
      NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)info) > 0);
      say("SET_SYSCALL_INFO of %zu, %zu bytes: %s", sizes[i], readable[j],
          answer_words(pt(PTRACE_SET_SYSCALL_INFO, pid, sizes[i], ends_after(info, readable[j]))));
    }
  }
}

static void far(pid_t pid) {
  static siginfo_t infos[4];
  static const uint64_t offsets[] = {0, 4095, 4096, 1ull << 32, ~0ull};
  static const int counts[] = {0, 1, INT_MAX, -1, INT_MIN};
  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < 5; j++) {
      for (unsigned flags = 0; flags < 3; flags++) {
        struct ptrace_peeksiginfo_args args = {offsets[i], flags, counts[j]};
        say("PEEKSIGINFO offset %#llx, %d, flags %u: %s", (unsigned long long)offsets[i], counts[j], flags,
            answer_words(pt(PTRACE_PEEKSIGINFO, pid, (unsigned long)&args, (unsigned long)infos)));
      }
    }
  }
}

static void body(void) {
  syscall(SYS_getppid);
  raise(SIGSTOP);
}

int main(void) {
  start();
  edge = hole();
  const pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  far(pid);
  general(pid);
  floating_point(pid, PTRACE_GETFPREGS, PTRACE_SETFPREGS, sizeof(struct user_fpregs_struct));
  floating_point(pid, PTRACE_GETFPREGS, PTRACE_SETFPREGS, 64);
#ifdef __i386__
  floating_point(pid, PTRACE_GETFPXREGS, PTRACE_SETFPXREGS, sizeof(struct user_fpxregs_struct));
#endif
  regsets(pid);
  siginfos(pid, "signal-delivery-stop");
  others(pid);
#ifdef __x86_64__
  say("a tracee in 32-bit code");
  const struct user_regs_struct wide = registers(pid);
  struct user_regs_struct narrow = wide;
  narrow.cs = 0x23;
  need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&narrow);
  general(pid);
  regsets(pid);
  need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&wide);
#endif
  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  syscall_infos(pid);
  siginfos(pid, "syscall-stop");
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGSTOP));
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  need_wait(pid, STOPPED(SIGSTOP));
  siginfos(pid, "group-stop");
  end_child(pid);
  return 0;
}
