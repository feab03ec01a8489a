// Memory that a request or a wait names may have to be filled by another process first (userfaultfd(2)). The
// caller waits for it, and nobody else does: here the one who fills it traces meanwhile.

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "filled_pages.h"

// ---- The filler: for each page, it first traces a child of its own from its birth to its end.

static void fill_pages(void) {
  for (;;) {
    struct uffd_msg message;
    NEED(read(filling, &message, sizeof message) == sizeof message);
    NEED(message.event == UFFD_EVENT_PAGEFAULT);
    char* page = (char*)(message.arg.pagefault.address & -PAGE);
    struct uffdio_copy copy = {
        .dst = (unsigned long)page, .src = (unsigned long)traced_page(page), .len = PAGE};
    NEED(ioctl(filling, UFFDIO_COPY, &copy) == 0);
  }
}

// ---- The caller

static int make_faults(int flags) {
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC | flags);
  if (fd < 0) return fd;
  struct uffdio_api api = {.api = UFFD_API};
  NEED(ioctl(fd, UFFDIO_API, &api) == 0);
  region = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(region != MAP_FAILED);
  used = 0;
  struct uffdio_register range = {.range = {(unsigned long)region, PAGES * PAGE},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  NEED(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
  return fd;
}

static char** childs_region;

// In a child, which ends before the region of another kind is made.
static void fill_and_trace(void) {
  filling = make_faults(0);
  NEED(filling >= 0);
  pid_t filler = spawn("FILLER", fill_pages);
  child = spawn_stopped("CHILD", stop_twice);
  tell_requests();
  tell_waits();
  end_child(child);
  end_child(filler);
}

static void share_region_and_stop(void) {
  filling = make_faults(0);
  NEED(filling >= 0);
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
  NEED(read(filling, &message, sizeof message) == sizeof message);
  say("a page is asked for");
  kill(getppid(), SIGKILL);
}

// A page that is never filled: the caller waits for it until it is killed.
static void trace_till_killed(void) {
  filling = make_faults(0);
  NEED(filling >= 0);
  spawn("KILLER", kill_who_waits);
  child = spawn_stopped("CHILD", stop_twice);
  pt(PTRACE_GETREGS, child, 0, (unsigned long)fresh_page());
  say("not reached");
}

// Only faults of user space wait; those of system calls are errors.
static void trace_with_user_faults_only(void) {
  filling = make_faults(UFFD_USER_MODE_ONLY);
  NEED(filling >= 0);
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
