#include "supervisor/thread_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace nestrace {
namespace {

constexpr int kCapSysAdmin = 21;
// include/linux/signal.h:SIG_KERNEL_IGNORE_MASK.
constexpr uint64_t kIgnoredByDefault =
    SignalBit(SIGCONT) | SignalBit(SIGCHLD) | SignalBit(SIGWINCH) | SignalBit(SIGURG);

// The process in "/proc/PID/mem" or "/proc/PID/task/TID/mem", wherever procfs is mounted; 0 if the path is
// another.
pid_t ProcessOfMemPath(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  const size_t count = parts.size();
  if (count < 3 || parts[count - 1] != "mem") return 0;
  const bool of_task = count >= 5 && parts[count - 3] == "task";
  pid_t number;
  return absl::SimpleAtoi(parts[count - (of_task ? 4 : 2)], &number) ? number : 0;
}

// What stands behind the name, the second field of 52, in the text of a /proc/ID/stat; "" if it has none.
const char* BehindName(const std::string& stat) {
  const size_t end = stat.rfind(')');
  return end == std::string::npos ? "" : stat.c_str() + end + 1;
}

// Fills in the inodes of pids[1] to pids.back(), from the innermost outwards.
void FillNamespaces(UniqueFd pid_namespace, std::vector<NamespacedPid>* pids) {
  for (size_t level = pids->size() - 1; level > 0; --level) {
    struct stat status;
    const bool known = pid_namespace.ok() && fstat(pid_namespace.get(), &status) == 0;
    (*pids)[level].pid_namespace = known ? status.st_ino : kUnknownNamespace;
    pid_namespace = UniqueFd(known ? ioctl(pid_namespace.get(), NS_GET_PARENT) : -1);
  }
}

// A number of /proc's namespace in the supervisor's, 0 if it has none there.
pid_t Translate(const ProcFs& proc, pid_t number) {
  if (number == 0 || proc.outer_levels() == 0) return number;
  return proc.TidOf(ProcId{number}).value;
}

}  // namespace

bool ReadThreadFacts(const ProcFs& proc, Tid tid, ThreadFacts* facts) {
  const ProcId id = proc.IdOf(tid);
  const std::optional<ThreadStatus> status = proc.Status(id);
  if (!status.has_value() || status->nspid.size() <= proc.outer_levels()) return false;

  facts->tgid = status->tgid == id.value ? tid.value : Translate(proc, status->tgid);
  facts->parent_tgid = Translate(proc, status->ppid);
  facts->tracer = Translate(proc, status->tracer);
  facts->pids.clear();
  facts->process_groups.clear();
  for (size_t i = proc.outer_levels(); i < status->nspid.size(); ++i) {
    facts->pids.push_back({0, status->nspid[i]});
  }
  for (size_t i = proc.outer_levels(); facts->pids.size() > 1 && i < status->nspgid.size(); ++i)
    facts->process_groups.push_back(status->nspgid[i]);
  if (facts->pids.size() > 1) FillNamespaces(proc.OpenFile(id, "ns/pid", O_RDONLY), &facts->pids);
  facts->uid = status->uid[0];
  facts->blocked_signals = status->blocked;
  facts->process_signals = status->process_pending;
  facts->thread_signals = status->thread_pending;
  facts->caught_signals = status->caught;
  // The init of a pid namespace ignores all that it does not handle, but SIGKILL and SIGSTOP from outside
  // (kernel/signal.c:sig_task_ignored).
  const bool init = facts->pids.size() > 1 && !status->nstgid.empty() && status->nstgid.back() == 1;
  const uint64_t by_default = init ? ~(SignalBit(SIGKILL) | SignalBit(SIGSTOP)) : kIgnoredByDefault;
  facts->ignored_signals = status->ignored | (by_default & ~status->caught);
  facts->seccomp_filters = status->seccomp_filters;
  facts->zombie = status->zombie;
  facts->has_cap_sys_admin = (status->cap_effective >> kCapSysAdmin & 1) != 0;
  return true;
}

Tid FindFromNamespace(const ProcFs& proc, Tid viewer, pid_t number) {
  ThreadFacts own;
  if (!ReadThreadFacts(proc, viewer, &own)) return Tid{};
  const size_t level = own.pids.size() - 1;
  const size_t place = proc.outer_levels() + level;  // in an NSpid
  const std::string threads = absl::StrCat(proc.IdOf(Tid{own.tgid}).value, "/task");
  const auto find_in = [&](const std::string& directory) {
    for (const pid_t id : proc.List(directory)) {
      const std::optional<ThreadStatus> status = proc.Status(ProcId{id});
      if (!status.has_value() || status->nspid.size() <= place || status->nspid[place] != number) continue;
      ThreadFacts facts;
      const Tid tid = proc.TidOf(ProcId{id});
      if (!ReadThreadFacts(proc, tid, &facts) || facts.pids.size() <= level) continue;
      const uint64_t of_own = own.pids[level].pid_namespace, found = facts.pids[level].pid_namespace;
      if (found == of_own || found == kUnknownNamespace || of_own == kUnknownNamespace) return tid;
    }
    return Tid{};
  };
  for (const std::string& directory : {threads, std::string(".")}) {
    const Tid found = find_in(directory);
    if (found != Tid{}) return found;
  }
  for (const pid_t id : proc.List(".")) {  // a thread of another process
    const Tid found = find_in(absl::StrCat(id, "/task"));
    if (found != Tid{}) return found;
  }
  return Tid{};
}

// /proc/TID/uid_map has for each range its first uid in the namespace of the thread, the first in that of who
// opens the file, and the length. If both are in one, its second column is the parent's, and of no use here.
uid_t TranslateUid(const ProcFs& proc, Tid viewer, uid_t uid) {
  constexpr uid_t kOverflowUid = 65534;
  const ProcId id = proc.IdOf(viewer);
  const uint64_t user_namespace = proc.UserNamespace(id);
  std::string text;
  if (user_namespace == proc.own_user_namespace()) return uid;
  if (!proc.Read(id, "uid_map", &text)) return uid;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    uint32_t inside, here, count;
    if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &inside) || !absl::SimpleAtoi(fields[1], &here) ||
        !absl::SimpleAtoi(fields[2], &count)) {
      continue;
    }
    if (uid >= here && uid - here < count) return inside + (uid - here);
  }
  return kOverflowUid;
}

long ReadPidfdTarget(const ProcFs& proc, Tid tid, int fd, bool* nonblocking) {
  if (fd < 0) return -EBADF;
  std::string text;
  if (!proc.Read(proc.IdOf(tid), absl::StrCat("fdinfo/", fd), &text)) {
    return errno == EACCES || errno == EPERM ? -EPERM : -EBADF;
  }
  // fs/pidfs.c:pidfd_show_fdinfo. -1: reaped; 0: outside the namespace of /proc.
  const std::optional<int64_t> number = FindNumber(text, "Pid");
  if (!number.has_value()) return -EBADF;
  *nonblocking = (FindNumber(text, "flags", 8).value_or(0) & O_NONBLOCK) != 0;
  if (*number <= 0) return -ESRCH;
  const pid_t pid = Translate(proc, static_cast<pid_t>(*number));
  return pid > 0 ? pid : -ESRCH;
}

bool ReadIsLandlockRuleset(const ProcFs& proc, Tid tid, int fd) {
  const UniqueFd directory = proc.OpenFile(proc.IdOf(tid), "fd", O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return errno == EACCES || errno == EPERM;
  char link[64];
  const ssize_t length = readlinkat(directory.get(), absl::StrCat(fd).c_str(), link, sizeof(link));
  if (length < 0) return errno == EACCES || errno == EPERM;
  return absl::string_view(link, length) == "anon_inode:[landlock-ruleset]";
}

bool HasProcMemOpen(const ProcFs& proc, Tid tracer, const std::vector<NamespacedPid>& process) {
  const UniqueFd directory = proc.OpenFile(proc.IdOf(tracer), "fd", O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return false;
  for (const int fd : NumbersIn(directory.get())) {
    const std::string name = absl::StrCat(fd);
    char path[64];
    const ssize_t length = readlinkat(directory.get(), name.c_str(), path, sizeof(path));
    if (length < 0) continue;
    const pid_t number = ProcessOfMemPath(absl::string_view(path, length));
    if (number == 0) continue;
    struct stat status;  // the mode of the link is that of the descriptor
    if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if ((status.st_mode & S_IWUSR) == 0) continue;
    const auto is_number = [number](const NamespacedPid& pid) { return pid.pid == number; };
    if (std::any_of(process.begin(), process.end(), is_number)) return true;
  }
  return false;
}

long ReadBlockedIn(const ProcFs& proc, Tid tid) {
  // "running", "-1 SP PC", or "NR ARG... SP PC" (fs/proc/base.c:proc_pid_syscall).
  std::string text;
  if (!proc.Read(proc.IdOf(tid), "syscall", &text)) return errno == EACCES || errno == EPERM ? -EACCES : -1;
  if (text.empty() || text[0] < '0' || text[0] > '9') return -1;
  return strtol(text.c_str(), nullptr, 10);
}

bool ReadTimesOf(const ProcFs& proc, Tid tgid, Tid tid, long* user, long* system) {
  std::string text;
  const std::string file = tid == Tid{0} ? "stat" : absl::StrCat("task/", proc.IdOf(tid).value, "/stat");
  if (!proc.Read(proc.IdOf(tgid), file, &text)) return false;
  constexpr char kFormat[] = " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld";
  return sscanf(BehindName(text), kFormat, user, system) == 2;
}

bool IsIoWorker(const ProcFs& proc, Tid tid) {
  constexpr unsigned long kIoWorker = 0x10;  // PF_IO_WORKER
  std::string text;
  if (!proc.Read(proc.IdOf(tid), "stat", &text)) return false;
  unsigned long flags = 0;
  return sscanf(BehindName(text), " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && (flags & kIoWorker) != 0;
}

long ReadGroupExitCode(const ProcFs& proc, Tid tgid) {
  std::string text;
  if (!proc.Read(proc.IdOf(tgid), "stat", &text)) return 0;
  const size_t last = text.find_last_of(' ');  // exit_code is the last field
  return last == std::string::npos ? 0 : strtol(text.c_str() + last, nullptr, 10);
}

}  // namespace nestrace
