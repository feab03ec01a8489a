// The text form of operations.

#include "op.h"

#include <linux/sched.h>

#include "guest.h"

static const struct {
  const char* name;
  const char* kinds;
} verbs[kVerbs] = {
    [kClone] = {"clone", "AC"},      [kClone3] = {"clone3", "AC"},
    [kPtrace] = {"ptrace", "RPWWX"}, [kRewrite] = {"rewrite", "PXX"},
    [kResign] = {"resign", "PXX"},   [kWait4] = {"wait4", "PO"},
    [kWaitid] = {"waitid", "TPO"},   [kWaitPidfd] = {"waitpidfd", "PO"},
    [kKill] = {"kill", "PS"},        [kTkill] = {"tkill", "PS"},
    [kQueue] = {"queue", "PS"},      [kTgqueue] = {"tgqueue", "PS"},
    [kAction] = {"action", "SXX"},   [kMask] = {"mask", "XX"},
    [kPending] = {"pending", ""},    [kCall] = {"call", "X"},
    [kInt80] = {"int80", "X"},       [kBlock] = {"block", "XX"},
    [kTake] = {"take", "X"},         [kExec] = {"exec", ""},
    [kExit] = {"exit", "X"},         [kExitGroup] = {"exit_group", "X"},
    [kSetpgid] = {"setpgid", ""},    [kFault] = {"fault", "X"},
    [kFilter] = {"filter", ""},      [kPdeath] = {"pdeathsig", "S"},
};

static const struct {
  uint64_t bit;
  const char* name;
} clone_flags[] = {{CLONE_VM, "VM"},           {CLONE_FS, "FS"},         {CLONE_FILES, "FILES"},
                   {CLONE_SIGHAND, "SIGHAND"}, {CLONE_PTRACE, "PTRACE"}, {CLONE_VFORK, "VFORK"},
                   {CLONE_PARENT, "PARENT"},   {CLONE_THREAD, "THREAD"}, {CLONE_UNTRACED, "UNTRACED"}};

static const char* const pointers[kPointers] = {"BUFFER", "WORD", "CONSTANT", "HOLE", "CODE"};
static const char* const types[] = {"P_ALL", "P_PID", "P_PGID"};

enum { kMostRequests = 0x4220 };

const char* verb_kinds(int verb) { return verbs[verb].kinds; }

int is_kill(int verb) { return verb == kKill || verb == kTkill || verb == kQueue || verb == kTgqueue; }

// ---- Printing

static void print_flags(uint64_t flags, char* out) {
  out[0] = '\0';
  for (size_t i = 0; i < sizeof clone_flags / sizeof clone_flags[0]; i++) {
    if ((flags & clone_flags[i].bit) == 0) continue;
    strcat(out, clone_flags[i].name);
    strcat(out, "|");
  }
  strcat(out, signal_words(flags & 0xff));
}

static void print_pid(int64_t pid, char* out) {
  if (pid >= kPidOf) {
    sprintf(out, "%c", 'a' + (int)(pid - kPidOf));
  } else if (pid <= -kPidOf) {
    sprintf(out, "-%c", 'a' + (int)(-pid - kPidOf));
  } else {
    sprintf(out, "%d", (int)pid);
  }
}

static void print_number(int64_t value, char* out) {
  if (value > -4096 && value < 4096) {
    sprintf(out, "%d", (int)value);
  } else {
    sprintf(out, "%#lx", value);
  }
}

static void print_argument(char kind, int64_t value, char* out) {
  switch (kind) {
    case 'A':
      sprintf(out, "%c", 'a' + (int)value);
      break;
    case 'C':
      print_flags(value, out);
      break;
    case 'R':
      snprintf(out, 64, "%s", request_words(value));
      if (strchr(out, ' ') != NULL) sprintf(out, "%ld", value);
      break;
    case 'P':
      print_pid(value, out);
      break;
    case 'W':
      if (value >= POINTER(0) && value < POINTER(kPointers)) {
        strcpy(out, pointers[value - POINTER(0)]);
      } else {
        print_number(value, out);
      }
      break;
    case 'O':
      strcpy(out, options_words(value));
      break;
    case 'T':
      if (value >= 0 && value <= 2) {
        strcpy(out, types[value]);
      } else {
        print_number(value, out);
      }
      break;
    case 'S':
      strcpy(out, signal_words(value));
      if (strchr(out, ' ') != NULL) sprintf(out, "%ld", value);
      break;
    default:
      print_number(value, out);
  }
}

void print_op(const struct Op* op, char* line) {
  line += sprintf(line, "%c %s", op->actor == kController ? '*' : 'a' + op->actor, verbs[op->verb].name);
  const char* kinds = verbs[op->verb].kinds;
  for (int i = 0; kinds[i] != '\0'; i++) {
    *line++ = ' ';
    print_argument(kinds[i], op->args[i], line);
    line += strlen(line);
  }
}

// ---- Parsing

static int64_t parse_signal(const char* word) {
  for (int signal = 1; signal < 32; signal++) {
    if (strcmp(signal_words(signal), word) == 0) return signal;
  }
  return strtol(word, NULL, 0);
}

static int64_t parse_bits(char* word, int clone) {
  int64_t bits = 0;
  for (char *save, *part = strtok_r(word, "|", &save); part != NULL; part = strtok_r(NULL, "|", &save)) {
    int64_t bit = 0;
    for (size_t i = 0; clone && i < sizeof clone_flags / sizeof clone_flags[0]; i++) {
      if (strcmp(clone_flags[i].name, part) == 0) bit = clone_flags[i].bit;
    }
    for (int i = 0; !clone && i < 32; i++) {
      if (strcmp(options_words(1u << i), part) == 0) bit = 1u << i;
    }
    if (bit == 0)
      bit = clone ? parse_signal(strcmp(part, "signal") == 0 ? "0" : part) : strtol(part, NULL, 0);
    bits |= bit;
  }
  return bits;
}

static int64_t parse_name(const char* const* names, int count, const char* word, int64_t base) {
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], word) == 0) return base + i;
  }
  return strtol(word, NULL, 0);
}

static int64_t parse_argument(char kind, char* word) {
  switch (kind) {
    case 'A':
      return word[0] - 'a';
    case 'C':
      return parse_bits(word, 1);
    case 'R':
      for (int request = 0; request < kMostRequests; request++) {
        if (strcmp(request_words(request), word) == 0) return request;
      }
      return strtol(word, NULL, 0);
    case 'P':
      if (word[0] >= 'a') return kPidOf + word[0] - 'a';
      if (word[0] == '-' && word[1] >= 'a') return -(kPidOf + word[1] - 'a');
      return strtol(word, NULL, 0);
    case 'W':
      return parse_name(pointers, kPointers, word, POINTER(0));
    case 'O':
      return parse_bits(word, 0);
    case 'T':
      return parse_name(types, 3, word, 0);
    case 'S':
      return parse_signal(word);
    default:
      return (int64_t)strtoul(word, NULL, 0);
  }
}

int parse_op(const char* line, struct Op* op) {
  char copy[256];
  snprintf(copy, sizeof copy, "%s", line);
  char* save;
  char* word = strtok_r(copy, " \n", &save);
  if (word == NULL || word[1] != '\0') return 0;
  memset(op, 0, sizeof *op);
  op->actor = word[0] == '*' ? kController : word[0] - 'a';
  if (op->actor < kController || op->actor >= kActors) return 0;
  if ((word = strtok_r(NULL, " \n", &save)) == NULL) return 0;
  for (int i = 1; i < kVerbs; i++) {
    if (strcmp(verbs[i].name, word) == 0) op->verb = i;
  }
  if (op->verb == 0) return 0;
  const char* kinds = verbs[op->verb].kinds;
  for (int i = 0; kinds[i] != '\0'; i++) {
    if ((word = strtok_r(NULL, " \n", &save)) == NULL) return 0;
    op->args[i] = parse_argument(kinds[i], word);
  }
  return 1;
}
