// fuzz run FIRST COUNT OPS   runs COUNT seeds from FIRST on, of OPS operations each
// fuzz script FILE           runs the operations of FILE, one a line
//
// Prints, for each operation, "> OPERATION" and then what it changed, nothing of which depends on timing.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"
#include "generate.h"
#include "known.h"
#include "op.h"
#include "shared.h"
#include "stage.h"

enum { kNobody = 0x7ffffff0 };

static struct Actor controller;
static struct Op given[kActors];  // the last command of each actor
static uint32_t reported[kActors], records_reported[kActors], execs_reported[kActors];
static struct Sight sight_reported[kActors];
static int named[kActors];

extern char fuzz_start[];

// ---- Carrying out

// The number of somebody who is gone may be anybody's by now: no signal goes there, nor an attachment. Nor
// does a signal go to numbers that are not an actor's.
static int64_t resolve_pid(const struct Op* op, int64_t pid) {
  const int attaches = op->verb == kPtrace && (op->args[0] == PTRACE_ATTACH || op->args[0] == PTRACE_SEIZE);
  const int careful = is_kill(op->verb) || attaches;
  const int index = (int)((pid < 0 ? -pid : pid) - kPidOf);
  if (index < 0 || index >= kActors) {
    const int own_group = op->verb == kKill && pid == 0 && op->actor != kController;
    return careful && !own_group ? kNobody : pid;
  }
  const int number = stage.number[index];
  if (number == 0 || (careful && stage.sight[index].state == kGone)) return kNobody;
  return pid < 0 ? -number : number;
}

static int64_t resolve_word(const struct Actor* actor, int64_t word) {
  switch (word - POINTER(0)) {
    case kBufferPointer:
      return (int64_t)actor->buffer;
    case kWordPointer:
      return (int64_t)&probe_word;
    case kConstantPointer:
      return (int64_t)&constant_word;
    case kHolePointer:
      return HOLE;
    case kCodePointer:
      return (int64_t)fuzz_start;
  }
  return word;
}

static void fill_command(const struct Op* op, struct Actor* actor) {
  struct Command* command = &actor->command;
  memset(command, 0, sizeof *command);
  command->verb = op->verb;
  const char* kinds = verb_kinds(op->verb);
  for (int i = 0; kinds[i] != '\0'; i++) {
    command->args[i] = op->args[i];
    if (kinds[i] == 'P') command->args[i] = resolve_pid(op, op->args[i]);
    if (kinds[i] == 'W') command->args[i] = resolve_word(actor, op->args[i]);
  }
  if (op->verb == kClone || op->verb == kClone3) {
    command->child = op->args[0];
    command->args[0] = op->args[1];
  }
  if (op->verb == kTgqueue) {
    const int index = (int)(op->args[0] - kPidOf);
    command->args[2] = command->args[0];
    command->args[0] = index >= 0 && index < kActors && stage.tgid[index] != 0 ? stage.tgid[index] : kNobody;
    const int64_t tgid = command->args[0];
    command->args[0] = command->args[2];
    command->args[2] = tgid;
    if (command->args[0] == kNobody) command->args[2] = kNobody;
  }
}

static int may_act(const struct Op* op) {
  if (op->verb == kClone || op->verb == kClone3) {
    if (stage.claimed[op->args[0]]) return 0;
  }
  if (op->actor == kController) return 1;
  const struct Sight* sight = &stage.sight[op->actor];
  return (sight->state == kIdle || sight->state == kStopped) && !sight->commanded;
}

static void act_as_controller(const struct Op* op) {
  fill_command(op, &controller);
  controller.tgid = getpid();
  carry_out(&controller);
  if ((op->verb == kClone || op->verb == kClone3) && controller.result > 0)
    setpgid(controller.result, controller.result);
}

static void give_command(const struct Op* op) {
  struct Actor* actor = &SHARED->actors[op->actor];
  fill_command(op, actor);
  actor->tgid = stage.tgid[op->actor];
  given[op->actor] = *op;
  __atomic_add_fetch(&actor->go, 1, __ATOMIC_RELEASE);
  syscall(SYS_futex, &actor->go, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

// ---- Reporting

// A call with a time to wait goes on as restart_syscall(2) after a stop, and under a supervisor every signal
// is a stop, ignored ones too.
static const char* call_words(long number) {
  static char words[2][16];
  static int next;
  const int timed = number == SYS_nanosleep || number == SYS_poll || number == SYS_futex ||
                    number == SYS_clock_nanosleep || number == SYS_restart_syscall;
  if (timed) return "a timed call";
  next = !next;
  snprintf(words[next], sizeof words[next], "%ld", number);
  return words[next];
}

static void report_actor(int index) {
  const struct Actor* actor = &SHARED->actors[index];
  const struct Sight* sight = &stage.sight[index];
  const char name = 'a' + index;
  for (; records_reported[index] < actor->record_count; records_reported[index]++) {
    printf("  %c got ", name);
    print_record(&actor->records[records_reported[index] % kRecords]);
    printf("\n");
  }
  if (execs_reported[index] != actor->execs) printf("  %c was executed\n", name);
  execs_reported[index] = actor->execs;
  if (reported[index] != actor->done) {
    reported[index] = actor->done;
    printf("  %c = ", name);
    print_answer(&given[index], actor);
    printf("\n");
    known_note(&given[index], index);
  }
  struct Sight* before = &sight_reported[index];
  if (sight->state != before->state || strcmp(call_words(sight->syscall), call_words(before->syscall)) != 0) {
    static const char* const words[] = {"unborn", "idle", "blocked", "stopped", "zombie", "gone"};
    printf("  %c is %s", name, words[sight->state]);
    if (sight->state == kBlocked) printf(" in %s", call_words(sight->syscall));
    printf("\n");
  }
  *before = *sight;
}

static void report(const struct Op* op) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && named[i] != stage.number[i]) name_actor(named[i] = stage.number[i], i);
  }
  if (op->actor == kController) {
    printf("  * = ");
    print_answer(op, &controller);
    printf("\n");
  }
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0) report_actor(i);
  }
}

static void report_unrest(void) {
  printf("  DOES NOT COME TO REST:");
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0) continue;
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", stage.watched[i]);
    const int fd = open(path, O_RDONLY);
    const char* state = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? strrchr(text, ')') : NULL;
    printf(" %c:%c", 'a' + i, state != NULL ? state[2] : '-');
    if (fd >= 0) close(fd);
  }
  printf("\n");
}

// ---- Seeds

static int perform(const struct Op* op) {
  char line[512];
  print_op(op, line);
  printf("> %s\n", line);
  if (!may_act(op)) {
    printf("  can't\n");
    return 1;
  }
  if (op->verb == kClone || op->verb == kClone3) stage.claimed[op->args[0]] = 1;
  if (op->actor == kController) {
    act_as_controller(op);
  } else {
    give_command(op);
  }
  if (!stage_settle()) {
    report_unrest();
    return 0;
  }
  report(op);
  return 1;
}

static void begin(void) {
  stage_begin();
  forget_names();
  memset(named, 0, sizeof named);
  memset(given, 0, sizeof given);
  memset(reported, 0, sizeof reported);
  memset(records_reported, 0, sizeof records_reported);
  memset(execs_reported, 0, sizeof execs_reported);
  memset(sight_reported, 0, sizeof sight_reported);
}

static void end(void) {
  if (stage_end()) return;
  printf("  DOES NOT END\n");
  fflush(stdout);
  _exit(4);
}

static void run_seed(long seed, int count) {
  begin();
  printf("== seed %ld\n", seed);
  generate_begin(seed);
  for (int i = 0; i < count; i++) {
    struct Op op;
    generate(&op);
    if (!perform(&op)) break;
  }
  fflush(stdout);
  end();
}

static int run_script(const char* path) {
  FILE* file = fopen(path, "r");
  if (file == NULL) return 2;
  begin();
  char line[512];
  while (fgets(line, sizeof line, file) != NULL) {
    struct Op op;
    if (line[0] == '#' || line[0] == '\n') continue;
    if (!parse_op(line, &op)) {
      printf("what is: %s", line);
      return 2;
    }
    if (!perform(&op)) break;
  }
  fflush(stdout);
  end();
  fclose(file);
  return 0;
}

// ---- The stage is the same for everybody

// A process group and a session of its own, no address randomisation, nothing in the environment.
static void become_controller(char** argv) {
  if (getenv("FUZZ_CONTROLLER") != NULL) return;
  if (fork() != 0) {
    int status = 0;
    if (waitpid(-1, &status, 0) < 0 || !WIFEXITED(status)) exit(3);
    exit(WEXITSTATUS(status));
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  personality(ADDR_NO_RANDOMIZE);
  char* envp[] = {"FUZZ_CONTROLLER=1", NULL};
  execve("/proc/self/exe", argv, envp);
  exit(3);
}

static void prepare(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  sigset_t empty;
  sigemptyset(&empty);
  sigprocmask(SIG_SETMASK, &empty, NULL);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const int fd = syscall(SYS_memfd_create, "shared", 0);
  if (fd < 0 || ftruncate(fd, sizeof(struct Shared)) < 0 || dup2(fd, kSharedFd) < 0) exit(3);
  close(fd);
  if (mmap(SHARED, sizeof(struct Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, kSharedFd, 0) !=
      (void*)SHARED) {
    exit(3);
  }
}

int main(int argc, char** argv) {
  if (argc != 5 && argc != 3) return 2;
  become_controller(argv);
  prepare();
  if (argc == 3) return run_script(argv[2]);
  const long first = atol(argv[2]), count = atol(argv[3]);
  for (long seed = first; seed < first + count; seed++) run_seed(seed, atoi(argv[4]));
  printf("== end\n");
  return 0;
}
