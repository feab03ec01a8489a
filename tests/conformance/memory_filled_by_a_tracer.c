// Memory that a request or a wait names may have to be filled by another process first (userfaultfd(2)). The
// caller waits for it, and nobody else does: here the one who fills it traces meanwhile.

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "guest.h"

#define PAGE 4096UL

static void nothing(void) {}

// ---- The filler: for each page, it first traces a child of its own from its birth to its end.

static int faults = -1;  // the descriptor of userfaultfd(2)

static void trace_somebody(void) {
  pid_t pid = spawn_stopped("FILLER'S", nothing);
  registers(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, EXITED(0));
}

static void fill_pages(void) {
  static char contents[PAGE] __attribute__((aligned(4096)));
  for (;;) {
    struct uffd_msg message;
    NEED(read(faults, &message, sizeof message) == sizeof message);
    NEED(message.event == UFFD_EVENT_PAGEFAULT);
    trace_somebody();
    memset(contents, 0x5a, PAGE);
    // A register set's iovec: 64 bytes, behind it.
    struct iovec vector = {(char*)(message.arg.pagefault.address & -PAGE) + sizeof vector, 64};
    memcpy(contents, &vector, sizeof vector);
    say("a page is filled");
    struct uffdio_copy copy = {
        .dst = message.arg.pagefault.address & -PAGE, .src = (unsigned long)contents, .len = PAGE};
    NEED(ioctl(faults, UFFDIO_COPY, &copy) == 0);
  }
}

// ---- The caller

static char* region;  // its pages are filled as they are touched
static size_t used;

static char* fresh_page(void) { return region + PAGE * used++; }

static int make_faults(int flags) {
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC | flags);
  if (fd < 0) return fd;
  struct uffdio_api api = {.api = UFFD_API};
  NEED(ioctl(fd, UFFDIO_API, &api) == 0);
  region = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(region != MAP_FAILED);
  used = 0;
  struct uffdio_register range = {.range = {(unsigned long)region, 64 * PAGE},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  NEED(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
  return fd;
}

static pid_t child;
static char** childs_region;

static void stop_twice(void) {
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
}

static void tell_requests(void) {
  static const long requests[] = {PTRACE_GETREGS, PTRACE_GETFPREGS, PTRACE_GETSIGINFO, PTRACE_GETEVENTMSG,
                                  PTRACE_PEEKDATA};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    char* page = fresh_page();
    unsigned long addr = requests[i] == PTRACE_PEEKDATA ? (unsigned long)&faults : 0;
    say("%s: %s", request_words(requests[i]),
        answer_words(pt(requests[i], child, addr, (unsigned long)page)));
    say("  stored: %d", page[0] != 0x5a || page[1] != 0x5a);
  }
  char* page = fresh_page();
  say("GETREGSET: %s", answer_words(pt(PTRACE_GETREGSET, child, NT_PRSTATUS, (unsigned long)page)));
  say("  length %zu, behind it %x", ((struct iovec*)page)->iov_len, (unsigned char)page[16 + 64]);
  // Over two pages, each of which is missing.
  page = fresh_page();
  fresh_page();
  say("GETREGS over two pages: %s",
      answer_words(pt(PTRACE_GETREGS, child, 0, (unsigned long)(page + PAGE - 16))));
  struct user_regs_struct saved = registers(child);
  say("  the same: %d", memcmp(page + PAGE - 16, &saved, sizeof saved) == 0);
  say("SETREGSET: %s", answer_words(pt(PTRACE_SETREGSET, child, NT_PRSTATUS, (unsigned long)fresh_page())));
  say("  r10 is %#llx", registers(child).r10);
  need_pt(PTRACE_SETREGS, child, 0, (unsigned long)&saved);
}

static void tell_waits(void) {
  int* status = (int*)fresh_page();
  need_pt(PTRACE_CONT, child, 0, 0);
  say("wait4: %s", pid_words(wait4_raw(child, status, __WALL)));
  say("  %s, behind it %x", status_words(*status), status[100]);
  need_pt(PTRACE_CONT, child, 0, 0);
  siginfo_t* info = (siginfo_t*)fresh_page();
  say("waitid: %s", answer_words(waitid_raw(P_PID, child, info, WSTOPPED | WEXITED)));
  say("  %s", siginfo_words(info));
  status = (int*)fresh_page();
  say("wait4 with WNOHANG: %s", answer_words(wait4_raw(child, status, __WALL | WNOHANG)));
}

// In a child, which ends before the region of another kind is made.
static void fill_and_trace(void) {
  faults = make_faults(0);
  NEED(faults >= 0);
  pid_t filler = spawn("FILLER", fill_pages);
  child = spawn_stopped("CHILD", stop_twice);
  tell_requests();
  tell_waits();
  end_child(child);
  end_child(filler);
}

static void share_region_and_stop(void) {
  faults = make_faults(0);
  NEED(faults >= 0);
  *childs_region = region;
  kill(getpid(), SIGUSR1);
}

// It is the tracee whose page is missing: a tracer that looks there does not wait.
static void trace_the_owner(void) {
  childs_region = shared_memory(sizeof *childs_region);
  child = spawn_stopped("CHILD", share_region_and_stop);
  need_pt(PTRACE_CONT, child, 0, 0);
  need_wait(child, STOPPED(SIGUSR1));
  unsigned long addr = (unsigned long)*childs_region, word;
  say("PEEKDATA of the tracee's page: %s",
      answer_words(pt(PTRACE_PEEKDATA, child, addr, (unsigned long)&word)));
  say("POKEDATA: %s", answer_words(pt(PTRACE_POKEDATA, child, addr + PAGE, 7)));
  end_child(child);
}

static void kill_who_waits(void) {
  struct uffd_msg message;
  NEED(read(faults, &message, sizeof message) == sizeof message);
  say("a page is asked for");
  kill(getppid(), SIGKILL);
}

// A page that is never filled: the caller waits for it until it is killed.
static void trace_till_killed(void) {
  faults = make_faults(0);
  NEED(faults >= 0);
  spawn("KILLER", kill_who_waits);
  child = spawn_stopped("CHILD", stop_twice);
  pt(PTRACE_GETREGS, child, 0, (unsigned long)fresh_page());
  say("not reached");
}

// Only faults of user space wait; those of system calls are errors.
static void trace_with_user_faults_only(void) {
  faults = make_faults(UFFD_USER_MODE_ONLY);
  NEED(faults >= 0);
  child = spawn_stopped("CHILD", stop_twice);
  say("user faults only");
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, child, 0, (unsigned long)fresh_page())));
  need_pt(PTRACE_CONT, child, 0, 0);
  say("wait4: %s", answer_words(wait4_raw(child, (int*)fresh_page(), __WALL)));
  say("once more: %s", answer_words(wait4_raw(child, NULL, __WALL | WNOHANG)));
  end_child(child);
}

int main(void) {
  start();
  int fd = make_faults(0);
  if (fd < 0) skip("userfaultfd(2) is refused");
  close(fd);
  pid_t pid = spawn("SELF'S", fill_and_trace);
  need_wait(pid, EXITED(0));
  pid = spawn("SELF'S", trace_the_owner);
  need_wait(pid, EXITED(0));
  pid = spawn("SELF'S", trace_till_killed);
  tell_wait(pid, 0);
  pid = spawn("SELF'S", trace_with_user_faults_only);
  need_wait(pid, EXITED(0));
  return 0;
}
