// attacks NAME SECRET_DIR PUBLIC_DIR [KEEPER_PID]
//
// Tries to get at what is in SECRET_DIR/word in one way, and prints what it got. Exit status: 0 if it got it,
// 1 if not, 77 if this machine does not have what the attack needs. KEEPER_PID is a process outside the
// sandbox that has the directory as its working directory, the word open as descriptor 9 and in its memory.
// TRIES in the environment says how often a race is run at most.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { kGot = 0, kNot = 1, kCannotHere = 77 };

static const char *secret, *public;
static char word[4096], innocent[4096];  // SECRET_DIR/word, PUBLIC_DIR/word
static pid_t keeper;
static int tries = 1000;

static int Got(const char* what) {
  printf("got %s\n", what);
  fflush(stdout);
  return kGot;
}

static int ReadFrom(int fd) {
  char text[64] = "";
  if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) return kNot;
  if (strncmp(text, "xyzzy", 5) != 0) return kNot;
  return Got(text);
}

static int ReadFile(const char* path) {
  const int fd = open(path, O_RDONLY);
  const int result = ReadFrom(fd);
  if (fd >= 0) close(fd);
  return result;
}

static const char* Join(const char* a, const char* b) {
  static char paths[8][4096];
  static int next;
  char* path = paths[next++ % 8];
  snprintf(path, sizeof(paths[0]), "%s%s", a, b);
  return path;
}

// --- names.

static int Plain(void) { return ReadFile(word); }
static int Openat(void) { return ReadFrom(openat(open(secret, O_PATH), "word", O_RDONLY)); }
static int Openat2(void) {
  struct open_how how = {.flags = O_RDONLY};
  return ReadFrom(syscall(SYS_openat2, AT_FDCWD, word, &how, sizeof(how)));
}
static int Openat2Root(void) {
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
  return ReadFrom(syscall(SYS_openat2, open("/", O_PATH), word, &how, sizeof(how)));
}
static int DotDot(void) { return ReadFile(Join(public, "/../secret/word")); }
static int Slashes(void) { return ReadFile(Join(secret, "//./word")); }
static int SymlinkToFile(void) {
  return symlink(word, Join(public, "/link")) == 0 ? ReadFile(Join(public, "/link")) : kNot;
}
static int SymlinkToDirectory(void) {
  return symlink("../secret", Join(public, "/dir")) == 0 ? ReadFile(Join(public, "/dir/word")) : kNot;
}
static int HardLink(void) {
  return link(word, Join(public, "/hard")) == 0 ? ReadFile(Join(public, "/hard")) : kNot;
}
static int HardLinkOfDescriptor(void) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", open(word, O_PATH));
  const char* hard = Join(public, "/hard2");
  return linkat(AT_FDCWD, path, AT_FDCWD, hard, AT_SYMLINK_FOLLOW) == 0 ? ReadFile(hard) : kNot;
}
static int RenameFile(void) {
  return rename(word, Join(public, "/mine")) == 0 ? ReadFile(Join(public, "/mine")) : kNot;
}
static int RenameDirectory(void) {
  return rename(secret, Join(public, "/mine")) == 0 ? ReadFile(Join(public, "/mine/word")) : kNot;
}
static int RenameParent(void) {
  char parent[4096], other[4200], moved[4300];
  snprintf(parent, sizeof(parent), "%s", secret);
  *strrchr(parent, '/') = 0;
  snprintf(other, sizeof(other), "%s.moved", parent);
  if (rename(parent, other) != 0) return kNot;
  snprintf(moved, sizeof(moved), "%s/secret/word", other);
  const int result = ReadFile(moved);
  rename(other, parent);
  return result;
}
static int Chdir(void) { return chdir(secret) == 0 ? ReadFile("word") : kNot; }
static int Fchdir(void) { return fchdir(open(secret, O_PATH)) == 0 ? ReadFile("word") : kNot; }
static int ProcRoot(void) { return ReadFile(Join("/proc/self/root", word)); }
static int ProcThreadRoot(void) { return ReadFile(Join("/proc/thread-self/root", word)); }
static int ProcParentRoot(void) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/root", getppid());
  return ReadFile(Join(path, word));
}
static int TellsItsSize(void) {
  struct stat status;
  return stat(word, &status) == 0 ? Got("its size") : kNot;
}
static int TellsItIsThere(void) { return access(word, F_OK) == 0 ? Got("its being there") : kNot; }
static int Statx(void) {
  struct statx status;
  return statx(AT_FDCWD, word, 0, STATX_ALL, &status) == 0 ? Got("its size") : kNot;
}
static int ReadsLink(void) {
  char text[64] = "";
  return readlink(Join(secret, "/link"), text, sizeof(text) - 1) > 0 ? Got(text) : kNot;
}
static int Attribute(void) {
  char value[16];
  getxattr(word, "user.none", value, sizeof(value));
  return errno == ENODATA || errno == EOPNOTSUPP ? Got("its being there") : kNot;
}
static int Watches(void) {
  return inotify_add_watch(inotify_init1(0), secret, IN_ALL_EVENTS) >= 0 ? Got("a watch") : kNot;
}
static int Lists(void) { return open(secret, O_RDONLY | O_DIRECTORY) >= 0 ? Got("a listing") : kNot; }
static int Makes(void) { return mkdir(Join(secret, "/made"), 0755) == 0 ? Got("to make") : kNot; }
static int Truncates(void) { return truncate(Join(secret, "/other"), 0) == 0 ? Got("to change") : kNot; }
static int Removes(void) { return unlink(Join(secret, "/third")) == 0 ? Got("to remove") : kNot; }
static int Modes(void) { return chmod(Join(secret, "/other"), 0600) == 0 ? Got("to change") : kNot; }
static int Binds(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "../secret/socket"};
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (chdir(public) != 0) return kNot;
  return bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 ? Got("a socket") : kNot;
}
static int BindsPair(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "../secret/socket"};
  int pair[2];
  if (chdir(public) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return kNot;
  return bind(pair[0], (struct sockaddr*)&address, sizeof(address)) == 0 ? Got("a socket") : kNot;
}
// Datagram sockets can send to paths; SOCK_RAW is another name for them.
static int PairSendsToPath(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "../secret/word"};
  int pair[2];
  if (chdir(public) != 0 || socketpair(AF_UNIX, SOCK_RAW, 0, pair) != 0) return kNot;
  sendto(pair[0], "", 1, 0, (struct sockaddr*)&address, sizeof(address));
  return errno == ECONNREFUSED ? Got("its being there") : kNot;
}
static int Handle(void) {
  struct {
    struct file_handle handle;
    char bytes[128];
  } handle = {.handle = {.handle_bytes = 128}};
  int mount;
  return syscall(SYS_name_to_handle_at, AT_FDCWD, word, &handle, &mount, 0) == 0 ? Got("a handle") : kNot;
}

// --- namespaces and mounts.

static int BindMount(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 && unshare(CLONE_NEWNS) != 0) return kCannotHere;
  if (mount(secret, public, NULL, MS_BIND, NULL) != 0) return kCannotHere;
  return ReadFile(innocent);
}
static int Chroot(void) {
  if (unshare(CLONE_NEWUSER) != 0 && geteuid() != 0) return kCannotHere;
  return chroot(secret) == 0 ? ReadFile("/word") : kCannotHere;
}
static int CloneNamespace(void) {
  const uint64_t args[8] = {CLONE_NEWUSER | CLONE_NEWNS, 0, 0, 0, SIGCHLD, 0, 0, 0};
  const long pid = syscall(SYS_clone3, args, sizeof(args));
  if (pid < 0) return kCannotHere;
  if (pid == 0) _exit(mount(secret, public, NULL, MS_BIND, NULL) == 0 ? ReadFile(innocent) : kCannotHere);
  int status;
  waitpid((pid_t)pid, &status, __WALL);
  return WEXITSTATUS(status);
}

// --- other ABIs and other ways to make calls.

static int Int80(void) {
  // In the lower half, and in a child: without IA32 emulation it is a fault.
  char* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return kCannotHere;
  strcpy(low, word);
  const pid_t pid = fork();
  if (pid == 0) {
    long fd = 5;
    __asm__ volatile("int $0x80"
                     : "+a"(fd)
                     : "b"(low), "c"(0l), "d"(0l)
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    _exit(ReadFrom((int)fd));
  }
  int status;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kCannotHere;
}

// One request through io_uring: the result, or a negative errno.
static int Submit(int ring, const struct io_uring_params* params, char* sq, char* cq,
                  struct io_uring_sqe* sqes, const struct io_uring_sqe* request) {
  unsigned* tail = (unsigned*)(sq + params->sq_off.tail);
  sqes[0] = *request;
  ((unsigned*)(sq + params->sq_off.array))[*tail & (params->sq_entries - 1)] = 0;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return -errno;
  unsigned* head = (unsigned*)(cq + params->cq_off.head);
  const struct io_uring_cqe* done = (const struct io_uring_cqe*)(cq + params->cq_off.cqes);
  const int result = done[*head & (params->cq_entries - 1)].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

static int IoUring(void) {
  struct io_uring_params params = {0};
  const int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
  if (ring < 0) return kCannotHere;
  const int prot = PROT_READ | PROT_WRITE;
  char* sq = mmap(NULL, 8192, prot, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  char* cq = mmap(NULL, 8192, prot, MAP_SHARED, ring, IORING_OFF_CQ_RING);
  struct io_uring_sqe* sqes = mmap(NULL, 4096, prot, MAP_SHARED, ring, IORING_OFF_SQES);
  if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) return kCannotHere;
  const struct io_uring_sqe request = {
      .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)word, .open_flags = O_RDONLY};
  return ReadFrom(Submit(ring, &params, sq, cq, sqes, &request));
}

// --- tracers.

static pid_t StartTracee(int (*run)(void)) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(run());
  }
  waitpid(pid, NULL, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  return pid;
}

static char shared_path[4096];
static int OpensShared(void) { return ReadFrom((int)syscall(SYS_openat, AT_FDCWD, shared_path, O_RDONLY)); }

// At the tracee's syscall-enter-stops of openat: writes the path into its memory, or another call's number.
static int Rewrite(int number) {
  strcpy(shared_path, innocent);
  const pid_t pid = StartTracee(OpensShared);
  int status;
  for (;;) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return kNot;
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    if (regs.orig_rax != SYS_openat || regs.rax != (unsigned long long)-ENOSYS) continue;
    for (size_t i = 0; i <= strlen(word); i += 8) {
      long bytes;
      memcpy(&bytes, word + i, 8);
      ptrace(PTRACE_POKEDATA, pid, regs.rsi + i, bytes);
    }
    if (number != SYS_openat) {
      regs.orig_rax = number;
      regs.rdi = regs.rsi;
      regs.rsi = O_RDONLY;
      ptrace(PTRACE_SETREGS, pid, 0, &regs);
    }
  }
}
static int TracerRewritesPath(void) { return Rewrite(SYS_openat); }
static int TracerRewritesCall(void) { return Rewrite(SYS_open); }

// The tracee only ever calls getpid; its tracer has it open and read.
static int CallsGetpid(void) {
  while (syscall(SYS_getpid, shared_path) > 0) {
  }
  return kNot;
}
static int TracerInjectsCall(void) {
  strcpy(shared_path, word);
  const pid_t pid = StartTracee(CallsGetpid);
  int status, result = kNot;
  for (int stops = 0; stops < 4; ++stops) {
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
    waitpid(pid, &status, 0);
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    if (regs.orig_rax == SYS_getpid && regs.rax == (unsigned long long)-ENOSYS) {
      regs.orig_rax = SYS_open;
      regs.rsi = O_RDONLY;
      ptrace(PTRACE_SETREGS, pid, 0, &regs);
    } else if (regs.orig_rax == SYS_open && (long)regs.rax >= 0) {
      char path[64];
      snprintf(path, sizeof(path), "/proc/%d/fd/%lld", pid, (long long)regs.rax);
      result = ReadFile(path);
    }
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  return result;
}

// --- races.

static volatile int racing = 1, started;
static char raced[4096];

// Writes the two paths in turn: they differ in "secret" and "public", of equal length.
static void* RewritesPath(void* unused) {
  char* place = strstr(raced, "public");
  started = 1;
  while (racing) {
    memcpy(place, "secret", 6);
    __asm__ volatile("" ::: "memory");
    memcpy(place, "public", 6);
    __asm__ volatile("" ::: "memory");
  }
  return unused;
}

static int RaceOnMemory(int (*attempt)(void)) {
  strcpy(raced, innocent);
  if (strstr(raced, "public") == NULL) return kCannotHere;
  pthread_t thread;
  pthread_create(&thread, NULL, RewritesPath, NULL);
  while (!started) sched_yield();
  int result = kNot;
  for (int i = 0; i < tries && result != kGot; ++i) result = attempt();
  racing = 0;
  pthread_join(thread, NULL);
  return result;
}
static int OpensRaced(void) { return ReadFile(raced); }
static int ThreadRewritesPath(void) { return RaceOnMemory(OpensRaced); }

static int ExecsRaced(void) {
  int ends[2];
  if (pipe(ends) < 0) return kNot;
  const pid_t pid = vfork();
  if (pid == 0) {
    dup2(ends[1], 1);
    execl(raced, "tell", NULL);
    _exit(1);
  }
  close(ends[1]);
  const int result = ReadFrom(ends[0]);
  close(ends[0]);
  waitpid(pid, NULL, 0);
  return result;
}
static int ThreadRewritesProgram(void) {
  snprintf(innocent, sizeof(innocent), "%s/tell", public);
  return RaceOnMemory(ExecsRaced);
}
static int ChdirsRaced(void) {
  const int result = chdir(raced) == 0 ? ReadFile("word") : kNot;
  return chdir("/") == 0 ? result : kNot;
}
// The kernel dumps core into the working directory.
static int DumpsCoreRaced(void) {
  char path[4096] = "";
  if (chdir(raced) != 0) return kNot;
  if (readlink("/proc/self/cwd", path, sizeof(path) - 1) < 0 || strcmp(path, secret) != 0) return kNot;
  const pid_t pid = fork();
  if (pid == 0) abort();
  int status;
  waitpid(pid, &status, 0);
  if (WCOREDUMP(status)) return Got("to write a core");
  tries = 0;  // to be there once is enough
  return kNot;
}
static int ThreadDumpsCore(void) {
  char pattern = '|';
  struct rlimit limit;
  const int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
  if (fd >= 0 && read(fd, &pattern, 1) != 1) return kCannotHere;
  getrlimit(RLIMIT_CORE, &limit);
  if (pattern == '|' || pattern == '/') return kCannotHere;
  if (limit.rlim_max == 0) return kCannotHere;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_CORE, &limit);
  snprintf(innocent, sizeof(innocent), "%s", public);
  return RaceOnMemory(DumpsCoreRaced);
}
static int ThreadRewritesDirectory(void) {
  snprintf(innocent, sizeof(innocent), "%s", public);
  return RaceOnMemory(ChdirsRaced);
}

// Another process makes `flip` lead here and there.
static int RaceOnNames(const char* here, const char* there) {
  char flip[4200], other[4200], path[4300];
  snprintf(flip, sizeof(flip), "%s/flip", public);
  snprintf(other, sizeof(other), "%s/flop", public);
  symlink(here, flip);
  symlink(there, other);
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) syscall(SYS_renameat2, AT_FDCWD, flip, AT_FDCWD, other, RENAME_EXCHANGE);
  }
  snprintf(path, sizeof(path), "%s/word", flip);
  int result = kNot;
  for (int i = 0; i < tries && result != kGot; ++i) result = ReadFile(path);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return result;
}
static int SymlinkSwap(void) { return RaceOnNames(public, secret); }

// A descriptor of /proc/PID of this process and of the keeper in turn, by one buffer of two paths.
static char either[2][64];
static void* RewritesProcess(void* unused) {
  started = 1;
  for (int i = 0; racing; i ^= 1) {
    memcpy(raced, either[i], sizeof(either[i]));
    __asm__ volatile("" ::: "memory");
  }
  return unused;
}
static int EnvironmentIn(int directory) {
  char text[8192] = "";
  const int fd = openat(directory, "environ", O_RDONLY);
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
  if (fd >= 0) close(fd);
  return size > 0 && memmem(text, size, "SECRET=xyzzy", 12) != NULL ? Got("the environment") : kNot;
}
static int ThreadRewritesProcess(void) {
  snprintf(either[0], sizeof(either[0]), "/proc/self");
  snprintf(either[1], sizeof(either[1]), "/proc/%d", keeper);
  memcpy(raced, either[0], sizeof(either[0]));
  pthread_t thread;
  pthread_create(&thread, NULL, RewritesProcess, NULL);
  while (!started) sched_yield();
  int result = kNot;
  for (int i = 0; i < tries && result != kGot; ++i) {
    const int fd = open(raced, O_PATH);
    if (fd < 0) continue;
    result = EnvironmentIn(fd);
    if (result != kGot && fchdir(fd) == 0) result = EnvironmentIn(AT_FDCWD);
    if (result != kGot && chdir(raced) == 0) result = EnvironmentIn(AT_FDCWD);
    close(fd);
    if (chdir("/") != 0) return kNot;
  }
  racing = 0;
  pthread_join(thread, NULL);
  return result;
}

// A descriptor number that leads to the word, with O_PATH only, and to a file that is open, in turn.
static int turning, path_only, readable;
static void* TurnsDescriptor(void* unused) {
  started = 1;
  while (racing) {
    dup2(path_only, turning);
    dup2(readable, turning);
  }
  return unused;
}
static int OpensPathRaced(void) {
  path_only = open(raced, O_PATH);
  char link[64], path[4096] = "";
  snprintf(link, sizeof(link), "/proc/self/fd/%d", path_only);
  if (readlink(link, path, sizeof(path) - 1) > 0 && strcmp(path, word) == 0) return kGot;
  close(path_only);
  return kNot;
}
static int ThreadTurnsDescriptor(void) {
  if (RaceOnMemory(OpensPathRaced) != kGot) return kNot;
  readable = open("/dev/null", O_RDONLY);
  turning = dup(readable);
  pthread_t thread;
  racing = 1;
  started = 0;
  pthread_create(&thread, NULL, TurnsDescriptor, NULL);
  while (!started) sched_yield();
  int result = kNot;
  struct stat status;
  for (int i = 0; i < 10 * tries && result != kGot; ++i) {
    if (fstat(turning, &status) == 0 && S_ISREG(status.st_mode)) result = Got("its size");
  }
  racing = 0;
  pthread_join(thread, NULL);
  return result;
}

// --- tracers of somebody who executes a path that another process rewrites.

static char* shared_raced;

// Starts a tracee that executes it, with so little room that what does not fit is `room` and beyond; 0: with
// enough. Runs it up to its first stop from then on.
static pid_t StartExec(long options, rlim_t room, int* status) {
  const pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    const struct rlimit limit = {room, room};
    if (room != 0) setrlimit(RLIMIT_AS, &limit);
    execl(shared_raced, "tell", NULL);
    _exit(1);
  }
  waitpid(pid, status, 0);
  ptrace(PTRACE_SETOPTIONS, pid, 0, options | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, pid, 0, 0);
  waitpid(pid, status, 0);
  return pid;
}
static void End(pid_t pid, int status) {
  if (!WIFSTOPPED(status)) return;
  kill(pid, SIGKILL);
  do {
    ptrace(PTRACE_CONT, pid, 0, 0);  // PTRACE_EVENT_EXIT does not end by SIGKILL
  } while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
}
// Is a hidden program in the memory of the stopped tracee, for its tracer to read?
static int ReadProgram(pid_t pid) {
  char path[64], line[4400];
  int result = kNot;
  snprintf(path, sizeof(path), "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "r");
  while (result != kGot && maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    unsigned long start;
    if (strstr(line, secret) == NULL || sscanf(line, "%lx-", &start) != 1) continue;
    errno = 0;
    ptrace(PTRACE_PEEKDATA, pid, start, 0);
    if (errno == 0) result = Got("the program");
  }
  if (maps != NULL) fclose(maps);
  return result;
}
static int RaceOnTracedExec(long options, rlim_t room, int stop) {
  const pid_t racer = fork();
  if (racer == 0) {
    char* place = strstr(shared_raced, "public");
    for (;;) {
      memcpy(place, "secret", 6);
      __asm__ volatile("" ::: "memory");
      memcpy(place, "public", 6);
      __asm__ volatile("" ::: "memory");
    }
  }
  int result = kNot;
  for (int i = 0; i < tries && result != kGot; ++i) {
    int status;
    pid_t pid = StartExec(options, room, &status);
    while (WIFSTOPPED(status) && status >> 8 != stop) {
      ptrace(PTRACE_CONT, pid, 0, 0);
      waitpid(pid, &status, 0);
    }
    if (WIFSTOPPED(status)) result = ReadProgram(pid);
    End(pid, status);
  }
  kill(racer, SIGKILL);
  waitpid(racer, NULL, 0);
  return result;
}
static int ShareRaced(void) {
  shared_raced = mmap(NULL, sizeof(raced), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared_raced == MAP_FAILED) return kCannotHere;
  snprintf(shared_raced, sizeof(raced), "%s/tell", public);
  return strstr(shared_raced, "public") == NULL ? kCannotHere : 0;
}
// The kernel has mapped the program, and finds that its interpreter does not fit: SIGSEGV.
static int TracerSeesFailedProgram(void) {
  if (ShareRaced() != 0) return kCannotHere;
  for (rlim_t room = 200 << 10; room < 2000 << 10; room += 4 << 10) {
    int status;
    const pid_t pid = StartExec(PTRACE_O_TRACEEXEC, room, &status);
    const int fits = !WIFSTOPPED(status) || WSTOPSIG(status) != SIGSEGV;
    End(pid, status);
    if (!fits) return RaceOnTracedExec(PTRACE_O_TRACEEXEC, room + (8 << 10), SIGSEGV);
  }
  return kCannotHere;
}
static int TracerSeesEndOfProgram(void) {
  if (ShareRaced() != 0) return kCannotHere;
  return RaceOnTracedExec(PTRACE_O_TRACEEXIT, 0, SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

// --- programs.

static int RunAndRead(const char* path) {
  strcpy(raced, path);
  return ExecsRaced();
}
static int ExecHidden(void) { return RunAndRead(Join(secret, "/tell")); }
static int ExecScript(void) {
  const char* path = Join(public, "/script");
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  dprintf(fd, "#!%s/tell\n", secret);
  close(fd);
  return RunAndRead(path);
}
static int ExecByDescriptor(void) {
  const int fd = open(Join(secret, "/tell"), O_PATH);
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return RunAndRead(path);
}

// --- processes outside.

static int OutsideFile(const char* name) {
  char path[4200];
  snprintf(path, sizeof(path), "/proc/%d/%s", keeper, name);
  return ReadFile(path);
}
static int OutsideDescriptor(void) { return OutsideFile("fd/9"); }
static int OutsideDirectory(void) { return OutsideFile("cwd/word"); }
static int OutsideRoot(void) {
  char path[4200];
  snprintf(path, sizeof(path), "/proc/%d/root%s", keeper, word);
  return ReadFile(path);
}
static int OutsideEnvironment(void) {
  char path[64], text[8192] = "";
  snprintf(path, sizeof(path), "/proc/%d/environ", keeper);
  const ssize_t size = read(open(path, O_RDONLY), text, sizeof(text) - 1);
  return size > 0 && memmem(text, size, "SECRET=xyzzy", 12) != NULL ? Got("the environment") : kNot;
}
static int OutsideMemory(void) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/mem", keeper);
  return open(path, O_RDONLY) >= 0 ? Got("the memory") : kNot;
}
static int OutsideReadv(void) {
  char byte;
  struct iovec local = {&byte, 1}, remote = {0, 1};
  process_vm_readv(keeper, &local, 1, &remote, 1, 0);
  return errno == EFAULT ? Got("to read") : kNot;
}
static int OutsidePidfd(void) {
  const int pidfd = (int)syscall(SYS_pidfd_open, keeper, 0);
  return ReadFrom((int)syscall(SYS_pidfd_getfd, pidfd, 9, 0));
}
static int OutsidePtrace(void) {
  if (ptrace(PTRACE_SEIZE, keeper, 0, 0) != 0) return kNot;
  ptrace(PTRACE_DETACH, keeper, 0, 0);
  return Got("to trace");
}
// The tracer of everybody inside. Natively nobody traces this process: its parent stands in.
static pid_t SupervisorPid(void) {
  char line[256];
  int tracer = 0;
  FILE* file = fopen("/proc/self/status", "r");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) sscanf(line, "TracerPid: %d", &tracer);
  if (file != NULL) fclose(file);
  return tracer != 0 ? tracer : getppid();
}
static int SupervisorFile(const char* name) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/%s", SupervisorPid(), name);
  return open(path, O_RDONLY) >= 0 ? Got("the supervisor") : kNot;
}
static int SupervisorLimits(void) {
  struct rlimit limit;
  return prlimit(SupervisorPid(), RLIMIT_NOFILE, NULL, &limit) == 0 ? Got("its limits") : kNot;
}
static int SupervisorMemory(void) { return SupervisorFile("mem"); }
static int SupervisorDescriptors(void) { return SupervisorFile("fd"); }

#define ATTACK(name) \
  { #name, name }
int main(int argc, char** argv) {
  static const struct {
    const char* name;
    int (*run)(void);
  } kAttacks[] = {
      ATTACK(Plain),
      ATTACK(Openat),
      ATTACK(Openat2),
      ATTACK(Openat2Root),
      ATTACK(DotDot),
      ATTACK(Slashes),
      ATTACK(SymlinkToFile),
      ATTACK(SymlinkToDirectory),
      ATTACK(HardLink),
      ATTACK(HardLinkOfDescriptor),
      ATTACK(RenameFile),
      ATTACK(RenameDirectory),
      ATTACK(RenameParent),
      ATTACK(Chdir),
      ATTACK(Fchdir),
      ATTACK(ProcRoot),
      ATTACK(ProcThreadRoot),
      ATTACK(ProcParentRoot),
      ATTACK(TellsItsSize),
      ATTACK(TellsItIsThere),
      ATTACK(Statx),
      ATTACK(ReadsLink),
      ATTACK(Attribute),
      ATTACK(Watches),
      ATTACK(Lists),
      ATTACK(Makes),
      ATTACK(Truncates),
      ATTACK(Removes),
      ATTACK(Modes),
      ATTACK(Binds),
      ATTACK(BindsPair),
      ATTACK(PairSendsToPath),
      ATTACK(Handle),
      ATTACK(BindMount),
      ATTACK(Chroot),
      ATTACK(CloneNamespace),
      ATTACK(Int80),
      ATTACK(IoUring),
      ATTACK(TracerRewritesPath),
      ATTACK(TracerRewritesCall),
      ATTACK(TracerInjectsCall),
      ATTACK(ThreadRewritesPath),
      ATTACK(ThreadRewritesProgram),
      ATTACK(ThreadRewritesDirectory),
      ATTACK(ThreadDumpsCore),
      ATTACK(ThreadRewritesProcess),
      ATTACK(ThreadTurnsDescriptor),
      ATTACK(TracerSeesFailedProgram),
      ATTACK(TracerSeesEndOfProgram),
      ATTACK(SymlinkSwap),
      ATTACK(ExecHidden),
      ATTACK(ExecScript),
      ATTACK(ExecByDescriptor),
      ATTACK(OutsideDescriptor),
      ATTACK(OutsideDirectory),
      ATTACK(OutsideRoot),
      ATTACK(OutsideEnvironment),
      ATTACK(OutsideMemory),
      ATTACK(OutsideReadv),
      ATTACK(OutsidePidfd),
      ATTACK(OutsidePtrace),
      ATTACK(SupervisorLimits),
      ATTACK(SupervisorMemory),
      ATTACK(SupervisorDescriptors),
  };
  if (argc < 4) {
    for (size_t i = 0; i < sizeof(kAttacks) / sizeof(kAttacks[0]); ++i) puts(kAttacks[i].name);
    return 2;
  }
  secret = argv[2];
  public = argv[3];
  keeper = argc > 4 ? atoi(argv[4]) : 0;
  if (getenv("TRIES") != NULL) tries = atoi(getenv("TRIES"));
  snprintf(word, sizeof(word), "%s/word", secret);
  snprintf(innocent, sizeof(innocent), "%s/word", public);
  for (size_t i = 0; i < sizeof(kAttacks) / sizeof(kAttacks[0]); ++i) {
    if (strcmp(argv[1], kAttacks[i].name) == 0) return kAttacks[i].run();
  }
  return 2;
}
