// Seeing when nothing moves any more.
//
// An actor is at rest if it is stopped, dead, or off its processor in a system call that can block. What
// /proc says may be about to change: a tracer's SIGCHLD comes after its tracee's state, a supervisor may
// resume whom we see stopped. So the actors are looked at twice, with a waitid(2) of the controller in
// between, and must not have moved, not even for a context switch. waitid takes the lock under which the
// kernel tells parents and tracers (tasklist_lock), and under nestrace it is a notification, which comes
// after everything that happened before. It is made twice: the supervisor may have looked for stops just
// before one came and the first notification with it, but not before the second. /proc/TID/syscall waits
// until the thread is off its processor (wait_task_inactive), and is read first: of a thread on its way into
// a stop the state shows already, the context switch not yet.

#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct Stage stage;
static int status_fd[kActors], syscall_fd[kActors];

static void close_files(int actor) {
  if (status_fd[actor] > 0) close(status_fd[actor]);
  if (syscall_fd[actor] > 0) close(syscall_fd[actor]);
  status_fd[actor] = syscall_fd[actor] = 0;
}

static int open_file(int tid, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static void watch(int actor, int tid) {
  close_files(actor);
  stage.watched[actor] = tid;
  status_fd[actor] = open_file(tid, "status");
  syscall_fd[actor] = open_file(tid, "syscall");
}

void stage_begin(void) {
  memset(&stage, 0, sizeof stage);
  memset(SHARED, 0, sizeof *SHARED);
}

int is_alive(int actor) {
  return stage.sight[actor].state != kUnborn && stage.sight[actor].state != kZombie &&
         stage.sight[actor].state != kGone;
}

static long number_behind(const char* text, const char* label) {
  const char* at = strstr(text, label);
  return at == NULL ? 0 : strtol(at + strlen(label), NULL, 10);
}

// Calls that the supervisor may be looking at; blocked in one of them an actor is not at rest.
static int is_transient(long number) {
  return number < 0 || number == SYS_ptrace || number == SYS_rt_sigaction || number == SYS_seccomp ||
         number == SYS_prctl;
}

static int makes_child(long number) { return number == SYS_clone || number == SYS_clone3; }

// Is a thread that is in D on its way out (PF_EXITING, PF_SIGNALED in the flags of /proc/TID/stat)?
static int is_dying(int tid) {
  char text[512];
  const int fd = open_file(tid, "stat");
  const long got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return 1;
  text[got] = '\0';
  unsigned flags = 0;
  const char* name_end = strrchr(text, ')');
  if (name_end != NULL) sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %u", &flags);
  return (flags & (0x4 | 0x400)) != 0;
}

// A parent in vfork(2), a thread that waits for others to die of its execve(2). Before the child is born, or
// with no other thread there, it is something else that it waits for, and soon has.
static int may_be_in_d(int actor, long number, long threads) {
  const struct Command* command = &SHARED->actors[actor].command;
  const int in_vfork =
      makes_child(number) && (command->args[0] & CLONE_VFORK) != 0 && SHARED->actors[command->child].tid != 0;
  return (in_vfork || (number == SYS_execve && threads > 1)) && !is_dying(stage.watched[actor]);
}

// False: on the move.
static int look_at(int actor, struct Sight* sight) {
  char text[4096];
  memset(sight, 0, sizeof *sight);
  const struct Actor* shared = &SHARED->actors[actor];
  sight->commanded = __atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) != shared->done;
  if (stage.replaced[actor]) {
    sight->state = kGone;
    return 1;
  }
  char call[256];
  const long got = pread(syscall_fd[actor], call, sizeof call - 1, 0);
  if (got > 0) call[got] = '\0';
  if (got > 0 && strncmp(call, "running", 7) == 0) return 0;
  const long length = pread(status_fd[actor], text, sizeof text - 1, 0);
  if (length <= 0) {
    sight->state = kGone;
    return 1;
  }
  text[length] = '\0';
  const char* state = strstr(text, "State:\t");
  if (state == NULL) return 0;
  stage.tgid[actor] = number_behind(text, "Tgid:\t");
  sight->letter = state[7];
  sight->switches = number_behind(text, "\nvoluntary_ctxt_switches:\t") +
                    number_behind(text, "nonvoluntary_ctxt_switches:\t");
  if (sight->letter == 'Z') {
    sight->state = kZombie;
    return 1;
  }
  if (strchr("tTSD", sight->letter) == NULL) return 0;
  if (got <= 0) return 0;
  if (sight->letter == 't' || sight->letter == 'T') {
    sight->state = kStopped;
    return 1;
  }
  char* end;
  sight->syscall = strtol(call, &end, 10);
  if (is_transient(sight->syscall)) return 0;
  if (sight->letter == 'D' && !may_be_in_d(actor, sight->syscall, number_behind(text, "Threads:\t")))
    return 0;
  if (sight->letter == 'S' && (makes_child(sight->syscall) || sight->syscall == SYS_execve)) return 0;
  const int waits_for_command =
      sight->syscall == SYS_futex && strtoul(end, NULL, 16) == (unsigned long)&shared->go;
  if (waits_for_command && sight->commanded) return 0;
  sight->state = waits_for_command ? kIdle : kBlocked;
  return 1;
}

// Actors that were born since, or took their leader's number in exec.
static void look_for_changes(void) {
  for (int i = 0; i < kActors; i++) {
    struct Actor* shared = &SHARED->actors[i];
    if (stage.number[i] == 0 && shared->tid != 0) {
      stage.number[i] = shared->tid;
      watch(i, shared->tid);
    }
    if (stage.number[i] == 0 || stage.replaced[i] || shared->command.verb != kExec) continue;
    if (stage.watched[i] == stage.tgid[i] || stage.tgid[i] == 0) continue;
    char byte;
    if (pread(status_fd[i], &byte, 1, 0) > 0) continue;
    for (int leader = 0; leader < kActors; leader++) {
      if (leader == i || stage.watched[leader] != stage.tgid[i] || stage.replaced[leader]) continue;
      struct Sight sight;
      if (!look_at(leader, &sight) || sight.state == kGone || sight.state == kZombie) continue;
      stage.replaced[leader] = 1;
      watch(i, stage.tgid[i]);
      break;
    }
  }
}

static int look(struct Sight sights[kActors]) {
  look_for_changes();
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0) {
      memset(&sights[i], 0, sizeof sights[i]);
    } else if (!look_at(i, &sights[i])) {
      return 0;
    }
  }
  return 1;
}

static void barrier(void) {
  siginfo_t info;
  syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

int stage_settle(void) {
  static const struct timespec nap = {0, 20000};
  const double start = now();
  struct Sight before[kActors], after[kActors];
  for (int round = 0;; round++) {
    if (look(before)) {
      barrier();
      barrier();
      if (look(after) && memcmp(before, after, sizeof after) == 0) {
        memcpy(stage.sight, after, sizeof after);
        return 1;
      }
    }
    if (round < 20) {
      sched_yield();
    } else {
      nanosleep(&nap, NULL);
      if (round % 64 == 0 && now() - start > 5) return 0;
    }
  }
}

// Kills who is there. Somebody may be born meanwhile: a tracee whose tracer dies goes on.
static void kill_actors(void) {
  look_for_changes();
  for (int i = 0; i < kActors; i++) {
    char byte;  // the file belongs to the thread; its number may have become somebody else's
    if (stage.number[i] != 0 && pread(status_fd[i], &byte, 1, 0) > 0) kill(stage.watched[i], SIGKILL);
  }
}

int stage_end(void) {
  static const struct timespec nap = {0, 50000};
  const double start = now();
  for (;;) {
    siginfo_t info;
    info.si_pid = 0;
    kill_actors();
    if (syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | __WALL, NULL) < 0 && errno == ECHILD) break;
    if (info.si_pid == 0) nanosleep(&nap, NULL);
    if (now() - start > 5) return 0;
  }
  for (int i = 0; i < kActors; i++) close_files(i);
  return 1;
}
