#include "answers.h"

#include "guest.h"

void name_actor(int number, int index) {
  char name[2] = {(char)('a' + index), '\0'};
  name_pid(number, name);
}

void forget_names(void) {
  pid_name_count = 0;
  name_pid(getpid(), "*");
}

void print_record(const struct Record* record) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = record->signo;
  info.si_code = record->code;
  info.si_pid = record->pid;
  info.si_uid = record->uid;
  info.si_status = record->status;
  printf("%s", siginfo_words(&info));
}

// ---- Registers

static int yields_pid(long number) {
  static const long calls[] = {SYS_clone,  SYS_clone3,  SYS_fork,    SYS_vfork,
                               SYS_getpid, SYS_gettid,  SYS_getppid, SYS_wait4,
                               SYS_waitid, SYS_getpgrp, SYS_setsid,  SYS_set_tid_address};
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    if (calls[i] == number) return 1;
  }
  return 0;
}

// `value` is what system call `number` returned, or -1 if that is not known.
static const char* value_words(long value, long number) {
  if (value <= 0 && value > -4096) return answer_words(value);
  if (number < 0) return "POSITIVE";
  // 32-bit calls have other numbers.
  if (yields_pid(number) || strcmp(pid_words(value), "UNNAMED") != 0) return pid_words(value);
  char* words = words_buffer();
  snprintf(words, 256, "%#lx", value);
  return words;
}

static void print_registers(const struct user_regs_struct* regs) {
  const long number = (int)regs->orig_rax;
  const unsigned long long eflags = regs->eflags & ~0x14ull;  // PF and AF: of a pid, perhaps
  printf(" rip=%#llx rsp=%#llx eflags=%#llx cs=%#llx orig_rax=%ld rax=%s", regs->rip, regs->rsp, eflags,
         regs->cs, number, value_words(regs->rax, number));
}

static void print_syscall_info(const struct ptrace_syscall_info* info, long size) {
  printf(" op=%d arch=%#x", info->op, info->arch);
  if (size >= 24) printf(" ip=%#llx sp=%#llx", info->instruction_pointer, info->stack_pointer);
  switch (info->op) {
    case PTRACE_SYSCALL_INFO_ENTRY:
      if (size >= 32) printf(" nr=%lld", info->entry.nr);
      break;
    case PTRACE_SYSCALL_INFO_EXIT:
      if (size >= 33)
        printf(" %s is_error=%d", info->exit.is_error ? answer_words(info->exit.rval) : "",
               info->exit.is_error);
      break;
    case PTRACE_SYSCALL_INFO_SECCOMP:
      printf(" nr=%lld ret_data=%u", info->seccomp.nr, info->seccomp.ret_data);
      break;
  }
}

static uint64_t sum_of(const char* bytes, size_t size) {
  uint64_t sum = 1469598103934665603ull;
  for (size_t i = 0; i < size; i++) sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211ull;
  return sum;
}

static void print_event_message(unsigned long message) {
  const char* name = pid_words(message);
  if (message > 2 && strcmp(name, "UNNAMED") != 0) {
    printf(" message=%s", name);
  } else {
    printf(" message=%s", message < 0x10000 && strcmp(name, "UNNAMED") == 0 ? word_words(message) : name);
  }
}

static void print_regset(const struct Actor* actor, long type) {
  printf(" length=%lu", actor->iov[1]);
  if (type == NT_PRSTATUS && actor->iov[1] >= sizeof(struct user_regs_struct)) {
    print_registers((const struct user_regs_struct*)actor->buffer);
  }
  if (type == NT_PRFPREG && actor->iov[1] == 512) printf(" sum=%lx", sum_of(actor->buffer, 512));
}

static void print_request_answer(const struct Op* op, const struct Actor* actor) {
  const char* buffer = actor->buffer;
  const long answer = actor->result;
  unsigned long word;
  memcpy(&word, buffer, sizeof word);
  const int into_buffer = op->args[3] == POINTER(kBufferPointer);
  if (op->args[0] == PTRACE_GETREGSET && answer == 0) print_regset(actor, op->args[2]);
  if (op->args[0] == 0x4209) {  // PEEKSIGINFO
    for (long i = 0; i < answer && into_buffer; i++) {
      printf(" [%s]", siginfo_words((const siginfo_t*)(buffer + i * sizeof(siginfo_t))));
    }
  }
  if (answer < 0 || !into_buffer) return;
  switch (op->args[0]) {
    case PTRACE_GETREGS:
      print_registers((const struct user_regs_struct*)buffer);
      break;
    case PTRACE_GETSIGINFO:
      printf(" %s", siginfo_words((const siginfo_t*)buffer));
      break;
    case PTRACE_GETEVENTMSG:
      print_event_message(word);
      break;
    case PTRACE_GETFPREGS:
      printf(" sum=%lx", sum_of(buffer, 512));
      break;
    case 0x420a:  // GETSIGMASK
      printf(" mask=%lx", word);
      break;
    case 0x420e:  // GET_SYSCALL_INFO
      print_syscall_info((const struct ptrace_syscall_info*)buffer,
                         answer < op->args[2] ? answer : op->args[2]);
      break;
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
      printf(" word=%lx", word);
      break;
    case PTRACE_PEEKUSR:
      if (op->args[2] == offsetof(struct user_regs_struct, rax)) {
        printf(" word=%s", value_words(word, -1));
      } else {
        printf(" word=%lx", word);
      }
      break;
  }
}

// ---- The other calls

// A tracer may have made another call of it: what is large is a pid.
static const char* result_words(long result) {
  return result > 255 ? pid_words(result) : answer_words(result);
}

static void print_wait_answer(const struct Op* op, const struct Actor* actor) {
  if (op->verb == kWaitPidfd && actor->result2 < 0) {
    printf("pidfd_open %s", answer_words(actor->result2));
    return;
  }
  const int got = actor->usage.ru_nvcsw != 0x5a5a5a5a5a5a5a5a;
  if (op->verb == kWait4) {
    printf("%s", actor->result > 0 ? pid_words(actor->result) : answer_words(actor->result));
    if (actor->result > 0) printf(": %s", status_words(actor->status));
    if (actor->result <= 0 && actor->status != 0x5a5a5a5a) printf(" status=%#x", actor->status);
  } else {
    printf("%s", result_words(actor->result));
    if (actor->result == 0 && actor->info.si_pid != 0) {
      printf(": %s", siginfo_words(&actor->info));
    } else {
      printf(" siginfo %s", actor->info.si_signo == 0x5a5a5a5a ? "untouched"
                            : actor->info.si_code              ? "set"
                                                               : "zeroed");
    }
  }
  if (got) printf(" rusage");
}

static void print_call_answer(long number, long answer) {
  printf("%s", answer > 0 && yields_pid(number) ? pid_words(answer) : result_words(answer));
}

static long number_of_int80(long number) {
  // getpid, getppid, gettid, getpgrp of i386.
  return number == 20 || number == 64 || number == 224 || number == 65 ? SYS_getpid : -1;
}

void print_answer(const struct Op* op, const struct Actor* actor) {
  switch (op->verb) {
    case kClone:
    case kClone3:
      printf("%s", actor->result > 0 ? pid_words(actor->result) : answer_words(actor->result));
      break;
    case kPtrace:
      printf("%s", answer_words(actor->result));
      print_request_answer(op, actor);
      break;
    case kRewrite:
    case kResign:
      printf("%s, %s", answer_words(actor->result2), answer_words(actor->result));
      break;
    case kWait4:
    case kWaitid:
    case kWaitPidfd:
      print_wait_answer(op, actor);
      break;
    case kCall:
      print_call_answer(op->args[0], actor->result);
      break;
    case kInt80:
      print_call_answer(number_of_int80(op->args[0]), actor->result);
      break;
    case kPending: {
      unsigned long set;
      memcpy(&set, actor->buffer, sizeof set);
      printf("%s set=%lx", answer_words(actor->result), set);
      break;
    }
    case kTake:
      printf("%s", answer_words(actor->result));
      if (actor->result > 0) printf(" %s", siginfo_words(&actor->info));
      break;
    default:
      printf("%s", result_words(actor->result));
  }
}
