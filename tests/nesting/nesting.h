// The kit of the nesting guests: two tracers of one tracee, on top of ../conformance/guest.h.
//
// A guest tells one story in three roles, each a process of its own: OUTER traces INNER and TRACEE, INNER
// traces TRACEE. Each line of the transcript begins with who says it.
//
//   #include "nesting.h"
//
//   static void outer(void) {
//     tell_stop(TRACEE);                       // "outer: TRACEE: stopped SIGUSR1"
//     turn_to(INNER);                          // INNER has a look, and hands back
//     tell_go(PTRACE_CONT, TRACEE, SIGUSR2);   // "outer: CONT(TRACEE, SIGUSR2) = 0"
//     tell_end(TRACEE);                        // "outer: TRACEE: killed SIGUSR2"
//   }
//   static void inner(void) {
//     my_turn(OUTER);
//     tell_runs(TRACEE);                       // "inner*: TRACEE looks running"
//     hand_to(OUTER);
//     ...
//   }
//   static void tracee(void) { send(TRACEE, SIGUSR1); }
//
//   int main(int argc, char** argv) {
//     return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
//   }
//
// The guest runs with one of its tracers away, too (`GUEST inner`, `GUEST outer`), which the kernel can do
// by itself; the rest of the transcript must stay as it is. Only the lines of a role with a star, `inner*:`,
// need both tracers, and are silent without. Waiting for a role that is away is no waiting at all.
//
// Order: a stop is printed while it holds the tracee, a resume before anybody says what came of it, the end
// of a process before it is taken. So the lines of all roles have one order, and it is that of the rules.

#ifndef NESTRACE_TESTS_NESTING_NESTING_H_
#define NESTRACE_TESTS_NESTING_NESTING_H_

#include "guest.h"

// A story names only what it needs.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef enum { kTracee, kInner, kOuter, kRoles } Role;

KIT struct {
  pid_t pid[kRoles];
  Gate turn[kRoles];  // opened by whoever hands over to that role
  Gate begin[kRoles];
  int* refused;  // shared: the second tracer got EPERM, the story is over
  int present[kRoles];
  Role self;
} nest_state;

#define TRACEE (nest_state.pid[kTracee])
#define INNER (nest_state.pid[kInner])
#define OUTER (nest_state.pid[kOuter])

typedef struct {
  const char* title;
  void (*outer)(void);
  void (*inner)(void);
  void (*tracee)(void);
  unsigned long outer_options, inner_options;  // PTRACE_O_* for TRACEE
  int outer_attaches, inner_attaches;          // PTRACE_ATTACH; otherwise PTRACE_SEIZE
  int inner_first;                             // INNER traces TRACEE before OUTER comes
  int by_hand;                                 // the roles attach for themselves, and begin at once
} Story;

KIT int both(void) { return nest_state.present[kOuter] && nest_state.present[kInner]; }
KIT int with_outer(void) { return nest_state.present[kOuter]; }
KIT int with_inner(void) { return nest_state.present[kInner]; }

// ---- Who speaks

KIT const char* const role_prefixes[kRoles][2] = {
    {"tracee: ", "tracee*: "}, {"inner: ", "inner*: "}, {"outer: ", "outer*: "}};

// Until plain(): lines that exist only because there are two tracers. To be used where both() is true.
KIT void starred(void) { line_prefix = role_prefixes[nest_state.self][1]; }
KIT void plain(void) { line_prefix = role_prefixes[nest_state.self][0]; }

// ---- Turns

KIT Role role_of(pid_t pid) {
  for (Role role = kTracee; role < kRoles; role++) {
    if (nest_state.pid[role] == pid) return role;
  }
  NEED(!"a role");
  return kRoles;
}

// `pid` goes on from its my_turn().
KIT void hand_to(pid_t pid) {
  if (nest_state.present[role_of(pid)]) gate_open(nest_state.turn[role_of(pid)]);
}

// Returns when `pid` has handed over to the caller.
KIT void my_turn(pid_t pid) {
  if (nest_state.present[role_of(pid)]) gate_pass(nest_state.turn[nest_state.self]);
}

// `pid` goes on from its my_turn() until it hands back.
KIT void turn_to(pid_t pid) {
  hand_to(pid);
  my_turn(pid);
}

// ---- What a tracer does and sees

// The second tracer was refused: that is the end of the story, and all there is to tell.
KIT void end_of_story(void) {
  *nest_state.refused = 1;
  for (int role = kRoles - 1; role >= 0; role--) {
    if (nest_state.pid[role] != getpid() && nest_state.present[role]) kill(nest_state.pid[role], SIGKILL);
  }
  _exit(0);
}

// PTRACE_SEIZE or PTRACE_ATTACH that may make the caller a second tracer. Returns if it did, or a first.
KIT void attach(long request, pid_t pid, unsigned long options) {
  long answer = pt(request, pid, 0, options);
  if (answer == 0) return;
  say("%s(%s) = %s", request_words(request), pid_words(pid), answer_words(answer));
  end_of_story();
}

// A line that needs both tracers.
__attribute__((unused, format(printf, 1, 2))) static void say_both(const char* format, ...) {
  if (!both()) return;
  starred();
  va_list args;
  va_start(args, format);
  say_in_turn(format, args);
  va_end(args);
  plain();
}

// Waits for `pid` and prints what was reported; returns the status.
KIT int tell_stop(pid_t pid) {
  int status = 0;
  long answer;
  do {
    answer = wait4_raw(pid, &status, __WALL);
  } while (answer == -EINTR);
  say("%s: %s", pid_words(pid), answer == pid ? status_words(status) : answer_words(answer));
  return status;
}

// Waits for the end of `pid` and prints it, before the next tracer's turn comes: that is when it is taken.
KIT void tell_end(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  long answer;
  do {
    answer = waitid_raw(P_PID, pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL);
  } while (answer == -EINTR);
  int status = info.si_code == CLD_EXITED ? EXITED(info.si_status) : info.si_status;
  if (info.si_code == CLD_TRAPPED) status = STOPPED(info.si_status);
  say("%s: %s", pid_words(pid), answer == 0 ? status_words(status) : answer_words(answer));
  if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED) need_wait(pid, status);
}

KIT const char* call_words(long number) {
  switch (number) {
    case SYS_getppid:
      return "getppid";
    case SYS_getpgid:
      return "getpgid";
    case SYS_getuid:
      return "getuid";
    case SYS_gettid:
      return "gettid";
    case SYS_kill:
      return "kill";
    case SYS_execve:
      return "execve";
    case SYS_wait4:
      return "wait4";
    case SYS_ptrace:
      return "ptrace";
    case SYS_fork:
      return "fork";
    case SYS_exit_group:
      return "exit_group";
  }
  char* words = words_buffer();
  snprintf(words, 256, "call %ld", number);
  return words;
}

// The same at a syscall-stop, with what PTRACE_GETEVENTMSG and the registers say of the call.
KIT void tell_call(pid_t pid) {
  int status = 0;
  NEED(wait4_raw(pid, &status, __WALL) == pid);
  if (!WIFSTOPPED(status) || (WSTOPSIG(status) & 0x7f) != SIGTRAP || (status >> 16) != 0) {
    say("%s: %s", pid_words(pid), status_words(status));
    return;
  }
  const unsigned long message = event_message(pid);
  struct user_regs_struct regs = registers(pid);
  if (message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
    say("%s: %s, enter %s", pid_words(pid), status_words(status), call_words(regs.orig_rax));
  } else {
    const long result = regs.rax;
    say("%s: %s, exit %s = %s", pid_words(pid), status_words(status), call_words(regs.orig_rax),
        result > 0 ? pid_words(result) : answer_words(result));
  }
}

// A request that resumes `pid`, with `signal`. The line is printed before anybody says what came of it.
KIT long tell_go(long request, pid_t pid, int signal) {
  __atomic_add_fetch(tellers_in_request, 1, __ATOMIC_SEQ_CST);
  const long answer = pt(request, pid, 0, signal);
  const char* words = answer_words(answer);
  if (signal == 0) {
    say_at_once("%s(%s) = %s", request_words(request), pid_words(pid), words);
  } else {
    say_at_once("%s(%s, %s) = %s", request_words(request), pid_words(pid), signal_words(signal), words);
  }
  __atomic_sub_fetch(tellers_in_request, 1, __ATOMIC_SEQ_CST);
  return answer;
}

// Another tracer holds `pid`: for this one it runs.
KIT void tell_runs(pid_t pid) {
  if (!both()) return;
  starred();
  int status;
  const long waited = wait4_raw(pid, &status, WNOHANG | __WALL);
  struct user_regs_struct regs;
  const long read = pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs);
  const long resumed = pt(PTRACE_CONT, pid, 0, 0);
  if (waited == 0 && read == -ESRCH && resumed == -ESRCH) {
    say("%s looks running", pid_words(pid));
  } else {
    say("%s: wait4 %s, GETREGS %s, CONT %s", pid_words(pid), answer_words(waited), answer_words(read),
        answer_words(resumed));
  }
  plain();
}

// kill(2) by number, so that a tracer of system calls sees one call.
KIT void send(pid_t pid, int signal) { NEED(syscall(SYS_kill, pid, signal) == 0); }

// The tracee's first stop, in silence: SIGUSR1, which OUTER lets pass, and which INNER (or OUTER, if INNER is
// away) suppresses. Behind it each tracer has the tracee in the mode that it asks for.
KIT void meet(void) { send(TRACEE, SIGUSR1); }
KIT void met(long request) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(request, TRACEE, 0, nest_state.self == kOuter && with_inner() ? SIGUSR1 : 0);
}

// ---- The story

// Attaches, and waits for the stop that PTRACE_ATTACH makes.
KIT void take(int attaches, unsigned long options) {
  attach(attaches ? PTRACE_ATTACH : PTRACE_SEIZE, TRACEE, attaches ? 0 : options);
  if (!attaches) return;
  need_wait(TRACEE, STOPPED(SIGSTOP));
  if (options != 0) need_pt(PTRACE_SETOPTIONS, TRACEE, 0, options);
  need_pt(PTRACE_CONT, TRACEE, 0, 0);
}

KIT void run_role(Role role, const Story* story) {
  nest_state.self = role;
  plain();
  if (role == kTracee) {
    if (!story->by_hand) my_turn(with_inner() && !story->inner_first ? INNER : with_outer() ? OUTER : INNER);
    story->tracee();
    return;
  }
  if (role == kInner) {
    // Its stops of TRACEE are OUTER's to see only if it is told of them by signals.
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
  }
  if (!story->by_hand) {
    const Role other = role == kOuter ? kInner : kOuter;
    const int second = (role == kInner) != story->inner_first;
    if (second) my_turn(nest_state.pid[other]);
    if (role == kOuter && both()) need_pt(PTRACE_SEIZE, INNER, 0, 0);
    if (role == kOuter) take(story->outer_attaches, story->outer_options);
    if (role == kInner) take(story->inner_attaches, story->inner_options);
    hand_to(second || !both() ? TRACEE : nest_state.pid[other]);
  }
  if (role == kOuter) story->outer();
  if (role == kInner) story->inner();
}

KIT const char* const role_names[kRoles] = {"TRACEE", "INNER", "OUTER"};

KIT void begin_role(Role role, const Story* story, const pid_t* pids) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  gate_pass(nest_state.begin[role]);
  for (int i = 0; i < kRoles; i++) {
    nest_state.pid[i] = pids[i];
    if (nest_state.present[i]) name_pid(pids[i], role_names[i]);
  }
  run_role(role, story);
  _exit(0);
}

KIT void tell_story(const Story* story) {
  if (story->title != NULL) say("== %s", story->title);
  pid_t* pids = shared_memory(sizeof nest_state.pid);
  for (Role role = 0; role < kRoles; role++) {
    nest_state.turn[role] = gate_new();
    nest_state.begin[role] = gate_new();
  }
  for (Role role = 0; role < kRoles; role++) {
    if (!nest_state.present[role]) continue;
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) begin_role(role, story, pids);
    pids[role] = pid;
  }
  for (Role role = 0; role < kRoles; role++) {
    if (nest_state.present[role]) gate_open(nest_state.begin[role]);
  }
  int ends[kRoles];
  for (Role role = 0; role < kRoles; role++) {
    if (nest_state.present[role]) NEED(wait4_raw(pids[role], &ends[role], 0) == pids[role]);
  }
  for (Role role = 0; role < kRoles && !*nest_state.refused; role++) {
    if (!nest_state.present[role]) continue;
    line_prefix = role_prefixes[role][0];
    say("the end: %s", status_words(ends[role]));
  }
  line_prefix = "";
}

// More stories behind those of nest_each().
KIT int nest_more(const Story* stories, size_t count) {
  for (size_t i = 0; i < count && !*nest_state.refused; i++) tell_story(&stories[i]);
  return 0;
}

// Several stories, one after the other, each with a title. Returns main()'s exit status.
KIT int nest_each(int argc, char** argv, const Story* stories, size_t count) {
  const char* only = argc > 1 ? argv[1] : "both";
  if (atoi(only) > 0) return atoi(only);  // exec_self()
  start();
  nest_state.present[kTracee] = 1;
  nest_state.present[kInner] = strcmp(only, "outer") != 0;
  nest_state.present[kOuter] = strcmp(only, "inner") != 0;
  nest_state.refused = shared_memory(sizeof(int));
  return nest_more(stories, count);
}

KIT int nest(int argc, char** argv, Story story) { return nest_each(argc, argv, &story, 1); }

#endif  // NESTRACE_TESTS_NESTING_NESTING_H_
