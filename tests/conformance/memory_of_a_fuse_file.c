// Memory that a request or a wait names may be that of a FUSE file, whose pages another process fills. The
// caller waits for it, and nobody else does: here the one who fills it traces meanwhile.

#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "guest.h"

#define PAGE 4096UL
enum { PAGES = 64 };

static void nothing(void) {}

// ---- The server of a file system that is one file: for each page, it first traces a child of its own from
// its birth to its end.

static int device = -1;
static char* region;  // where the caller has mapped the file; its pages are filled as they are touched

static void trace_somebody(void) {
  pid_t pid = spawn_stopped("SERVER'S", nothing);
  registers(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, EXITED(0));
}

static void reply(const struct fuse_in_header* request, int error, const void* body, size_t size) {
  struct fuse_out_header header = {sizeof header + size, error, request->unique};
  struct iovec parts[] = {{&header, sizeof header}, {(void*)body, size}};
  NEED(writev(device, parts, 2) == (long)header.len);
}

static void fill_pages(const struct fuse_in_header* request, const struct fuse_read_in* asked) {
  static char contents[PAGE];
  NEED(asked->size == PAGE);
  trace_somebody();
  memset(contents, 0x5a, PAGE);
  // A register set's iovec: 64 bytes, behind it.
  struct iovec vector = {region + asked->offset + sizeof vector, 64};
  memcpy(contents, &vector, sizeof vector);
  say("a page is filled");
  reply(request, 0, contents, PAGE);
}

static void serve(void) {
  static union {
    struct fuse_in_header header;
    char bytes[64 * 1024];
  } request;
  struct fuse_attr attributes = {.ino = 1, .size = PAGES * PAGE, .mode = S_IFREG | 0600, .nlink = 1};
  for (;;) {
    long size = read(device, &request, sizeof request);
    if (size < 0 && errno == EINTR) continue;
    NEED(size >= (long)sizeof request.header);
    switch (request.header.opcode) {
      case FUSE_INIT: {
        struct fuse_init_out out = {
            .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = PAGE};
        reply(&request.header, 0, &out, sizeof out);
        break;
      }
      case FUSE_GETATTR: {
        struct fuse_attr_out out = {.attr_valid = 1000, .attr = attributes};
        reply(&request.header, 0, &out, sizeof out);
        break;
      }
      case FUSE_OPEN: {
        struct fuse_open_out out = {.fh = 1};
        reply(&request.header, 0, &out, sizeof out);
        break;
      }
      case FUSE_READ:
        fill_pages(&request.header, (void*)(&request.header + 1));
        break;
      case FUSE_FLUSH:
      case FUSE_RELEASE:
        reply(&request.header, 0, NULL, 0);
        break;
      case FUSE_FORGET:
      case FUSE_INTERRUPT:
        break;  // no reply
      default:
        reply(&request.header, -ENOSYS, NULL, 0);
    }
  }
}

// ---- The caller

static size_t used;

static char* fresh_page(void) { return region + PAGE * used++; }

static pid_t child;

static void stop_twice(void) {
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
}

static void tell_requests(void) {
  static const long requests[] = {PTRACE_GETREGS, PTRACE_GETFPREGS, PTRACE_GETSIGINFO, PTRACE_GETEVENTMSG,
                                  PTRACE_PEEKDATA};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    char* page = fresh_page();
    unsigned long addr = requests[i] == PTRACE_PEEKDATA ? (unsigned long)&device : 0;
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

// `path` becomes the file. The mapping is where it will be, so that the server knows.
static pid_t mount_and_map(const char* path) {
  char options[80];
  snprintf(options, sizeof options, "fd=%d,rootmode=100600,user_id=%d,group_id=%d", device, getuid(),
           getgid());
  NEED(mount("guest", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
  region = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(region != MAP_FAILED);
  pid_t server = spawn("SERVER", serve);
  NEED(close(device) == 0);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  NEED(file >= 0 && fstat(file, &status) == 0 &&
       status.st_size == PAGES * PAGE);  // by which the kernel learns it
  NEED(mmap(region, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) == region);
  NEED(madvise(region, PAGES * PAGE, MADV_RANDOM) == 0);  // one page at a time
  NEED(close(file) == 0);
  return server;
}

int main(void) {
  start();
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) skip("/dev/fuse can't be opened");
  if (unshare(CLONE_NEWNS) != 0) skip("needs the right to mount");
  NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  char path[] = "/tmp/fuse_file_XXXXXX";
  NEED(close(mkstemp(path)) == 0);
  pid_t server = mount_and_map(path);
  NEED(umount2(path, MNT_DETACH) == 0 && unlink(path) == 0);
  child = spawn_stopped("CHILD", stop_twice);
  tell_requests();
  tell_waits();
  end_child(child);
  end_child(server);
  return 0;
}
