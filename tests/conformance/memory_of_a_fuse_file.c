// Memory that a request or a wait names may be that of a FUSE file, whose pages another process fills. The
// caller waits for it, and nobody else does: here the one who fills it traces meanwhile.

#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "filled_pages.h"

// ---- The server of a file system that is one file: for each page, it first traces a child of its own from
// its birth to its end.

static void reply(const struct fuse_in_header* request, int error, const void* body, size_t size) {
  struct fuse_out_header header = {sizeof header + size, error, request->unique};
  struct iovec parts[] = {{&header, sizeof header}, {(void*)body, size}};
  NEED(writev(filling, parts, 2) == (long)header.len);
}

static void fill_pages(const struct fuse_in_header* request, const struct fuse_read_in* asked) {
  NEED(asked->size == PAGE);
  reply(request, 0, traced_page(region + asked->offset), PAGE);
}

static void serve(void) {
  static union {
    struct fuse_in_header header;
    char bytes[64 * 1024];
  } request;
  struct fuse_attr attributes = {.ino = 1, .size = PAGES * PAGE, .mode = S_IFREG | 0600, .nlink = 1};
  for (;;) {
    long size = read(filling, &request, sizeof request);
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

// `path` becomes the file. The mapping is where it will be, so that the server knows.
static pid_t mount_and_map(const char* path) {
  char options[80];
  snprintf(options, sizeof options, "fd=%d,rootmode=100600,user_id=%d,group_id=%d", filling, getuid(),
           getgid());
  NEED(mount("guest", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
  region = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(region != MAP_FAILED);
  pid_t server = spawn("SERVER", serve);
  NEED(close(filling) == 0);
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
  filling = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (filling < 0) skip("/dev/fuse can't be opened");
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
