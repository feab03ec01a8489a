// Makes every call that names files, well and badly, in the current directory, and prints what each came to.
// hide_files_test.sh compares what it prints natively and inside hide_files.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452  // Linux 6.6
#endif

static void Show(const char* what, long result) {
  printf("%s = %ld", what, result);
  if (result < 0) printf(" %s", strerrorname_np(errno));
  puts("");
}
#define SHOW(expression) (errno = 0, Show(#expression, (long)(expression)))

// A descriptor: its number, flags and type.
static int ShowOpen(const char* what, int fd) {
  Show(what, fd);
  if (fd < 0) return fd;
  struct stat status;
  fstat(fd, &status);
  printf("  cloexec %d flags %o type %o offset %ld\n", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & ~O_NOFOLLOW,
         status.st_mode & S_IFMT, (long)lseek(fd, 0, SEEK_CUR));
  close(fd);
  return fd;
}
#define OPEN(expression) (errno = 0, ShowOpen(#expression, expression))

static void ShowStat(const char* what, int result, const struct stat* s) {
  Show(what, result);
  if (result < 0) return;
  printf("  mode %o links %ld uid %d size %ld mtime %ld\n", s->st_mode, (long)s->st_nlink, s->st_uid,
         S_ISDIR(s->st_mode) ? 0 : (long)s->st_size, s->st_mtime < 2000000 ? s->st_mtime : -1);
}
#define STAT(call, ...)                                               \
  do {                                                                \
    struct stat status;                                               \
    errno = 0;                                                        \
    ShowStat(#call "(" #__VA_ARGS__ ")", call(__VA_ARGS__), &status); \
  } while (0)

static void ShowLink(const char* what, ssize_t size, const char* text) {
  Show(what, size);
  if (size > 0) printf("  %.*s\n", (int)size, text);
}
#define LINK(call, ...)                                            \
  do {                                                             \
    char text[4096];                                               \
    errno = 0;                                                     \
    ShowLink(#call "(" #__VA_ARGS__ ")", call(__VA_ARGS__), text); \
  } while (0)

static char long_name[300], long_path[PATH_MAX + 100];

static void Opening(void) {
  OPEN(open("file", O_RDONLY));
  OPEN(open("file", O_RDONLY | O_CLOEXEC));
  OPEN(open("file", O_RDWR | O_APPEND));
  OPEN(open("./file", O_WRONLY | O_NONBLOCK));
  OPEN(open("file/", O_RDONLY));
  OPEN(open("file/x", O_RDONLY));
  OPEN(open("", O_RDONLY));
  OPEN(open(NULL, O_RDONLY));
  OPEN(open("none", O_RDONLY));
  OPEN(open("none/x", O_RDONLY | O_CREAT, 0644));
  OPEN(open(long_name, O_RDONLY));
  OPEN(open(long_path, O_RDONLY));
  OPEN(open("dir", O_RDONLY));
  OPEN(open("dir", O_RDONLY | O_DIRECTORY));
  OPEN(open("dir", O_WRONLY));
  OPEN(open("file", O_RDONLY | O_DIRECTORY));
  OPEN(open("dir", O_RDONLY | O_CREAT, 0644));
  OPEN(open("new/", O_RDWR | O_CREAT, 0644));
  OPEN(open("new", O_RDWR | O_CREAT | O_EXCL, 0666));
  OPEN(open("new", O_RDWR | O_CREAT | O_EXCL, 0666));
  OPEN(open("new", O_RDWR | O_CREAT, 0666));
  OPEN(creat("made", 0777));
  OPEN(open("link", O_RDONLY));
  OPEN(open("link", O_RDONLY | O_NOFOLLOW));
  OPEN(open("link", O_PATH | O_NOFOLLOW));
  OPEN(open("file", O_PATH));
  OPEN(open("file", O_PATH | O_DIRECTORY));
  OPEN(open("dangling", O_RDONLY));
  OPEN(open("dangling", O_RDWR | O_CREAT, 0644));
  OPEN(open("loop", O_RDONLY));
  OPEN(open("link/", O_RDONLY));
  OPEN(open("dirlink/inner", O_RDONLY));
  OPEN(open("dirlink/../file", O_RDONLY));
  OPEN(open("dir/.", O_RDONLY));
  OPEN(open("dir/..", O_RDONLY | O_DIRECTORY));
  OPEN(open("/", O_RDONLY));
  OPEN(open("/..", O_RDONLY));
  OPEN(open("//", O_RDONLY | O_DIRECTORY));
  OPEN(open(".", O_RDWR | O_TMPFILE, 0600));
  OPEN(open("file", O_RDWR | O_TMPFILE, 0600));
  OPEN(open("fifo", O_RDONLY | O_NONBLOCK));
  OPEN(open("fifo", O_WRONLY | O_NONBLOCK));
  OPEN(open("fifo", O_RDWR));
  OPEN(open("/dev/null", O_RDWR));
  OPEN(open("/dev/full", O_WRONLY));
  OPEN(open("/proc/self/status", O_RDONLY));
  OPEN(open("/proc/thread-self/comm", O_RDONLY));
  OPEN(open("/proc/self/fd", O_RDONLY));
  OPEN(open("/dev/stdin", O_RDONLY));
  OPEN(open("/proc/self/exe", O_RDONLY));
  OPEN(open("/proc/self/exe/", O_RDONLY));
  OPEN(open("/proc/self/cwd/file", O_RDONLY));
  OPEN(open("/proc/self/exe", O_RDONLY | O_NOFOLLOW));
  OPEN(open("/proc/self/mem", O_RDWR));
  OPEN(open("/proc/0/status", O_RDONLY));
  OPEN(open("/proc/mounts", O_RDONLY));
  OPEN(openat(-1, "file", O_RDONLY));
  OPEN(openat(9999, "file", O_RDONLY));
  OPEN(openat(-1, "/dev/null", O_RDONLY));
  const int dir = open("dir", O_RDONLY), file = open("file", O_RDONLY);
  OPEN(openat(dir, "inner", O_RDONLY));
  OPEN(openat(dir, "../file", O_RDONLY));
  OPEN(openat(dir, "made", O_WRONLY | O_CREAT, 0751));
  OPEN(openat(file, "x", O_RDONLY));
  OPEN(openat(file, "", O_RDONLY));
  struct open_how how = {.flags = O_RDONLY};
  OPEN(syscall(SYS_openat2, dir, "inner", &how, sizeof(how)));
  OPEN(syscall(SYS_openat2, dir, "inner", &how, 8));
  OPEN(syscall(SYS_openat2, dir, "inner", NULL, sizeof(how)));
  how.resolve = RESOLVE_NO_SYMLINKS;
  OPEN(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)));
  OPEN(syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof(how)));
  OPEN(syscall(SYS_openat2, AT_FDCWD, "dirlink/inner", &how, sizeof(how)));
  how.resolve = RESOLVE_NO_MAGICLINKS;
  OPEN(syscall(SYS_openat2, AT_FDCWD, "/proc/self/cwd/file", &how, sizeof(how)));
  OPEN(syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof(how)));
  how.flags = 1ull << 40;
  OPEN(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)));
  how = (struct open_how){.flags = O_RDONLY, .mode = 0644};
  OPEN(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how)));
  close(dir);
  close(file);
}

static void Telling(void) {
  STAT(stat, "file", &status);
  STAT(stat, "link", &status);
  STAT(lstat, "link", &status);
  STAT(lstat, "link/", &status);
  STAT(stat, "dangling2", &status);
  STAT(stat, "loop", &status);
  STAT(stat, "none", &status);
  STAT(stat, "", &status);
  STAT(lstat, "/proc/self", &status);
  const int file = open("file", O_RDONLY), dir = open("dir", O_RDONLY);
  int ends[2];
  if (pipe(ends) < 0) return;
  STAT(fstatat, file, "", &status, AT_EMPTY_PATH);
  STAT(fstatat, file, "", &status, 0);
  STAT(fstatat, ends[0], "", &status, AT_EMPTY_PATH);
  STAT(fstatat, AT_FDCWD, "", &status, AT_EMPTY_PATH);
  STAT(fstatat, 9999, "", &status, AT_EMPTY_PATH);
  STAT(fstatat, dir, "inner", &status, 0);
  STAT(fstatat, dir, "inner", &status, 0x4000);
  SHOW(stat("file", NULL));
  SHOW(syscall(SYS_newfstatat, AT_FDCWD, "file", 1, 0));
  struct statx statx_buffer;
  SHOW(statx(AT_FDCWD, "file", 0, STATX_ALL, &statx_buffer));
  SHOW(statx_buffer.stx_size);
  SHOW(statx(file, "", AT_EMPTY_PATH, STATX_SIZE, &statx_buffer));
  SHOW(statx(AT_FDCWD, "none", 0, STATX_SIZE, &statx_buffer));
  SHOW(statx(AT_FDCWD, "file", 0x10000, STATX_SIZE, &statx_buffer));
  SHOW(access("file", R_OK));
  SHOW(access("file", X_OK));
  SHOW(access("none", F_OK));
  SHOW(access("file", 8));
  SHOW(syscall(SYS_faccessat2, dir, "inner", R_OK, AT_EACCESS));
  SHOW(syscall(SYS_faccessat2, file, "", R_OK, AT_EMPTY_PATH));
  SHOW(syscall(SYS_faccessat2, dir, "inner", R_OK, 1));
  LINK(readlink, "link", text, sizeof(text));
  LINK(readlink, "link", text, 2);
  LINK(readlink, "link", text, 0);
  LINK(readlink, "file", text, sizeof(text));
  LINK(readlink, "none", text, sizeof(text));
  LINK(readlink, "/proc/self/exe", text, sizeof(text));
  LINK(readlink, "/proc/self/cwd", text, sizeof(text));
  LINK(readlinkat, AT_FDCWD, "dangling2", text, sizeof(text));
  const int link = open("link", O_PATH | O_NOFOLLOW);
  LINK(readlinkat, link, "", text, sizeof(text));
  LINK(readlinkat, file, "", text, sizeof(text));
  char number[32] = "";
  readlink("/proc/self", number, sizeof(number) - 1);
  SHOW(atoi(number) == getpid());
  struct statfs filesystem;
  SHOW(statfs("file", &filesystem));
  SHOW(statfs("none", &filesystem));
  char value[64];
  SHOW(getxattr("file", "user.none", value, sizeof(value)));
  SHOW(setxattr("file", "user.some", "value", 5, 0));
  SHOW(setxattr("file", "user.some", "value", 5, XATTR_CREATE));
  SHOW(getxattr("link", "user.some", value, sizeof(value)));
  SHOW(getxattr("file", "user.some", value, 2));
  SHOW(getxattr("file", "user.some", NULL, 0));
  SHOW(getxattr("file", "", value, sizeof(value)));
  SHOW(listxattr("file", value, sizeof(value)));
  SHOW(lgetxattr("link", "user.some", value, sizeof(value)));
  SHOW(removexattr("file", "user.some"));
  SHOW(removexattr("file", "user.some"));
  const int watch = inotify_init1(IN_NONBLOCK);
  SHOW(inotify_add_watch(watch, "dir", IN_CREATE));
  SHOW(inotify_add_watch(watch, "none", IN_CREATE));
  SHOW(inotify_add_watch(file, "dir", IN_CREATE));
  SHOW(inotify_add_watch(9999, "dir", IN_CREATE));
  close(creat("dir/watched", 0600));
  SHOW(read(watch, value, sizeof(value)));
  close(watch);
  close(ends[0]);
  close(ends[1]);
  close(link);
  close(file);
  close(dir);
}

static void Changing(void) {
  const int dir = open("dir", O_RDONLY);
  SHOW(mkdir("sub", 0777));
  STAT(stat, "sub", &status);
  SHOW(mkdir("sub", 0777));
  SHOW(mkdir("sub2/", 0700));
  SHOW(mkdir(".", 0700));
  SHOW(mkdir("/", 0700));
  SHOW(mkdir("dangling2", 0700));
  SHOW(mkdirat(dir, "sub", 01777));
  STAT(stat, "dir/sub", &status);
  SHOW(mknod("node", S_IFREG | 0640, 0));
  SHOW(mknod("pipe", S_IFIFO | 0666, 0));
  STAT(stat, "pipe", &status);
  SHOW(mknod("dir2/", S_IFREG | 0640, 0));
  SHOW(symlink("file", "sym"));
  SHOW(symlink("file", "sym"));
  SHOW(symlink("", "sym2"));
  SHOW(symlinkat("x", dir, "sym"));
  SHOW(link("file", "hard"));
  STAT(stat, "hard", &status);
  SHOW(link("dir", "hard2"));
  SHOW(link("none", "hard2"));
  SHOW(link("sym", "hardsym"));
  STAT(lstat, "hardsym", &status);
  SHOW(linkat(AT_FDCWD, "sym", dir, "followed", AT_SYMLINK_FOLLOW));
  STAT(lstat, "dir/followed", &status);
  SHOW(linkat(AT_FDCWD, "sym", dir, "x", 1));
  SHOW(rename("hard", "hard3"));
  SHOW(rename("none", "hard4"));
  SHOW(rename("hard3", "dir"));
  SHOW(rename("sub", "hard3"));
  SHOW(rename("sub", "sub3/"));
  SHOW(rename("hard3", "hard4/"));
  SHOW(rename("sub3", "sub3/x"));
  SHOW(rename(".", "x"));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "hard3", AT_FDCWD, "sub3", RENAME_EXCHANGE));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "node", AT_FDCWD, "sub3", RENAME_NOREPLACE));
  SHOW(syscall(SYS_renameat2, AT_FDCWD, "node", AT_FDCWD, "other", 1 << 10));
  SHOW(renameat(AT_FDCWD, "node", dir, "node"));
  SHOW(unlink("sub3"));
  SHOW(unlink("hard3"));
  SHOW(unlink("dir"));
  SHOW(unlink("."));
  SHOW(unlink("file/"));
  SHOW(unlink("none"));
  SHOW(rmdir("hard3"));
  SHOW(rmdir("dir"));
  SHOW(rmdir("file"));
  SHOW(rmdir("none"));
  SHOW(unlinkat(dir, "sub", 0));
  SHOW(unlinkat(dir, "sub", AT_REMOVEDIR));
  SHOW(unlinkat(dir, "sub", 1));
  SHOW(chmod("file", 0604));
  SHOW(chmod("sym", 0600));
  STAT(stat, "file", &status);
  SHOW(chmod("none", 0600));
  SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "sym", 0600, AT_SYMLINK_NOFOLLOW));
  SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0644, 0));
  SHOW(chown("file", getuid(), -1));
  SHOW(lchown("sym", getuid(), getgid()));
  SHOW(fchownat(dir, "inner", -1, -1, 0));
  SHOW(fchownat(dir, "", -1, -1, AT_EMPTY_PATH));
  SHOW(chown("none", -1, -1));
  const struct utimbuf old = {1000, 1000};
  SHOW(utime("file", &old));
  STAT(stat, "file", &status);
  const struct timeval micro[2] = {{2000, 0}, {2000, 5}}, bad[2] = {{0, -1}, {0, 0}};
  SHOW(utimes("file", micro));
  STAT(stat, "file", &status);
  SHOW(utimes("file", bad));
  SHOW(utimes("file", NULL));
  const struct timespec times[2] = {{0, UTIME_OMIT}, {3000, 7}};
  SHOW(utimensat(AT_FDCWD, "sym", times, AT_SYMLINK_NOFOLLOW));
  STAT(lstat, "sym", &status);
  SHOW(utimensat(AT_FDCWD, "none", times, 0));
  SHOW(futimens(dir, times));
  STAT(stat, "dir", &status);
  SHOW(truncate("file", 3));
  STAT(stat, "file", &status);
  SHOW(truncate("file", -1));
  SHOW(truncate("dir", 3));
  SHOW(truncate("none", 3));
  close(dir);
}

static void Running(void) {
  SHOW(chdir("file"));
  SHOW(chdir("none"));
  SHOW(chdir("dir"));
  SHOW(access("inner", F_OK));
  SHOW(chdir(".."));
  SHOW(execl("none", "none", NULL));
  SHOW(execl("dir", "dir", NULL));
  SHOW(execl("file", "file", NULL));
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "exit 7", NULL);
    _exit(1);
  }
  int status;
  waitpid(pid, &status, 0);
  SHOW(WEXITSTATUS(status));
  const struct rlimit few = {3, 3};
  setrlimit(RLIMIT_NOFILE, &few);
  SHOW(open("file", O_RDONLY));
  SHOW(access("file", F_OK));
  SHOW(open("newer", O_RDWR | O_CREAT, 0600));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  umask(027);
  memset(long_name, 'n', sizeof(long_name) - 1);
  memset(long_path, '/', sizeof(long_path) - 1);
  mkdir("dir", 0755);
  close(creat("dir/inner", 0644));
  const int file = creat("file", 0644);
  if (write(file, "contents", 8) != 8) return 1;
  close(file);
  symlink("file", "link");
  symlink("dir", "dirlink");
  symlink("appears", "dangling");
  symlink("nowhere", "dangling2");
  symlink("loop", "loop");
  mkfifo("fifo", 0666);
  Opening();
  Telling();
  Changing();
  Running();
  return 0;
}
