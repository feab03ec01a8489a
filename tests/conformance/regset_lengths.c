// GETREGSET/SETREGSET (kernel/ptrace.c: ptrace_regset): an unknown type or a length that is no multiple of
// the element is EINVAL; a short length is a short transfer, 0 is fine, a long one is clipped. What a
// set refuses is up to each type.

#include "guest.h"

static void nothing(void) {}
static char buffer[65536] __attribute__((aligned(64)));

static void get(pid_t pid, const char* name, unsigned type, size_t length) {
  struct iovec iov = {buffer, length};
  memset(buffer, 0x5a, sizeof buffer);
  long answer = pt(PTRACE_GETREGSET, pid, type, (unsigned long)&iov);
  size_t touched = sizeof buffer;
  while (touched > 0 && buffer[touched - 1] == 0x5a) touched--;
  int xsave = type == NT_X86_XSTATE && length > 576;  // its size is the machine's
  say("GET %s length %zu: %s, length now %s%zu, more stored than that: %d", name, length,
      answer_words(answer), xsave && answer == 0 ? "of the machine, not " : "",
      xsave && answer == 0 ? (size_t)0 : iov.iov_len, touched > iov.iov_len);
}

static void set(pid_t pid, const char* name, unsigned type, size_t length) {
  struct iovec iov = {buffer, sizeof buffer};
  if (pt(PTRACE_GETREGSET, pid, type, (unsigned long)&iov) != 0) memset(buffer, 0, 64);
  iov.iov_len = length;
  long answer = pt(PTRACE_SETREGSET, pid, type, (unsigned long)&iov);
  int xsave = type == NT_X86_XSTATE && length > 576;
  say("SET %s length %zu: %s, length now %s%zu", name, length, answer_words(answer),
      xsave && answer == 0 ? "of the machine, not " : "", xsave && answer == 0 ? (size_t)0 : iov.iov_len);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  static const struct {
    const char* name;
    unsigned type;
  } types[] = {{"PRSTATUS", NT_PRSTATUS},
               {"PRFPREG", NT_PRFPREG},
               {"PRXFPREG", NT_PRXFPREG},
               {"386_TLS", NT_386_TLS},
               {"386_IOPERM", NT_386_IOPERM},
               {"X86_XSTATE", NT_X86_XSTATE},
               {"X86_SHSTK", 0x204},
               {"PRPSINFO", NT_PRPSINFO},
               {"0", 0},
               {"S390_HIGH_GPRS", 0x300},
               {"ARM_VFP", 0x400}};
  enum { KNOWN = 6 };
  static const size_t lengths[] = {0,   1,   4,   8,   16,  24,   200,  208,  216,
                                   224, 504, 512, 520, 576, 4096, 8192, 65536};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    size_t count = i < KNOWN ? sizeof lengths / sizeof lengths[0] : 3;
    for (size_t j = 0; j < count; j++) get(pid, types[i].name, types[i].type, lengths[j]);
    for (size_t j = 0; j < count; j++) set(pid, types[i].name, types[i].type, lengths[j]);
  }
  get(pid, "-1", -1U, 8);
  say("type with upper bits: %s", answer_words(pt(PTRACE_GETREGSET, pid, (1L << 32) | NT_PRSTATUS,
                                                  (unsigned long)&(struct iovec){buffer, 216})));
  end_child(pid);
  return 0;
}
