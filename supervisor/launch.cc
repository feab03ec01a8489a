#include "supervisor/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/program_path.h"

namespace nestrace {
namespace {

enum class Stage : int { kNoNewPrivs, kFilter, kListener, kInherited, kExec };

// One message of the child. kListener with no error carries the descriptor.
struct Message {
  Stage stage;
  int error;
};

const char* CallOf(Stage stage) {
  switch (stage) {
    case Stage::kNoNewPrivs:
      return "prctl(PR_SET_NO_NEW_PRIVS)";
    case Stage::kFilter:
      return "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER)";
    case Stage::kListener:
      return "sendmsg(SCM_RIGHTS)";
    case Stage::kInherited:
      return "rt_sigprocmask() or setrlimit()";
    case Stage::kExec:
      return "execve()";
  }
  return "?";
}

// Everything the child needs, laid out before the fork.
struct Image {
  std::vector<std::string> paths;
  std::vector<char*> argv;
  std::vector<char*> shell_argv;  // "/bin/sh", the path (set by the child), PROGRAM's arguments

  explicit Image(const Command& command) : paths(CandidatePaths(command.argv[0], getenv("PATH"))) {
    for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    shell_argv.push_back(const_cast<char*>("/bin/sh"));
    shell_argv.insert(shell_argv.end(), argv.begin(), argv.end());
  }
};

// --- in the child ---------------------------------------------------------------------------------------

[[noreturn]] void Fail(int channel, Stage stage, int error) {
  const Message message = {stage, error};
  send(channel, &message, sizeof(message), MSG_NOSIGNAL);
  _exit(127);
}

bool SendListener(int channel, int listener) {
  Message message = {Stage::kListener, 0};
  iovec data = {&message, sizeof(message)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &listener, sizeof(int));
  return sendmsg(channel, &header, MSG_NOSIGNAL) == sizeof(message);
}

// execvp(3), of candidates that are there already. Returns the errno that execvp(3) would.
int Execute(Image* image) {
  bool denied = false;
  int error = ENOENT;
  for (const std::string& path : image->paths) {
    execve(path.c_str(), image->argv.data(), environ);
    if (errno == ENOEXEC) {
      image->shell_argv[1] = const_cast<char*>(path.c_str());
      execve("/bin/sh", image->shell_argv.data(), environ);
    }
    error = errno;
    if (!TriesNextCandidate(error)) return error;
    denied = denied || error == EACCES;
  }
  return denied ? EACCES : error;
}

[[noreturn]] void RunChild(int channel, const FilterProgram& filter, const Inherited& inherited,
                           Image* image) {
  char go;
  if (recv(channel, &go, 1, 0) != 1) _exit(127);  // the supervisor is gone
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) Fail(channel, Stage::kNoNewPrivs, errno);
  const int listener = filter.Install();
  if (listener < 0) Fail(channel, Stage::kFilter, -listener);
  if (!SendListener(channel, listener)) Fail(channel, Stage::kListener, errno);
  close(listener);
  // After the filter, so that an inherited SIG_IGN of SIGCHLD is seen as if PROGRAM had set it.
  if (const int error = inherited.Restore(); error < 0) Fail(channel, Stage::kInherited, -error);
  Fail(channel, Stage::kExec, Execute(image));
}

// --- in the supervisor ----------------------------------------------------------------------------------

// The descriptor in a received message, none if there is none.
UniqueFd TakeDescriptor(msghdr* header) {
  for (cmsghdr* item = CMSG_FIRSTHDR(header); item != nullptr; item = CMSG_NXTHDR(header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    int fd;
    memcpy(&fd, CMSG_DATA(item), sizeof(fd));
    return UniqueFd(fd);
  }
  return UniqueFd();
}

}  // namespace

absl::StatusOr<Launch> Launch::Fork(const Command& command, const FilterProgram& filter,
                                    const Inherited& inherited) {
  if (command.argv.empty()) return absl::InvalidArgumentError("no program to start");
  Image image(command);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    return absl::ErrnoToStatus(errno, "socketpair()");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork()");
  if (pid == 0) {
    close(ours.get());
    RunChild(theirs.get(), filter, inherited, &image);
  }
  return Launch(Tid{pid}, std::move(ours));
}

absl::Status Launch::Go() {
  if (send(channel_.get(), "", 1, MSG_NOSIGNAL) != 1) return absl::ErrnoToStatus(errno, "send()");
  return absl::OkStatus();
}

LaunchNews Launch::Receive() {
  LaunchNews news;
  Message message;
  iovec data = {&message, sizeof(message)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  const ssize_t got = recvmsg(channel_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) return news;
  if (got != sizeof(message)) {  // 0: the last copy of the child's end was closed
    news.kind = LaunchNews::Kind::kExecuted;
    return news;
  }
  news.error = message.error;
  if (message.stage == Stage::kExec) {
    news.kind = LaunchNews::Kind::kNoExec;
  } else if (message.error == 0) {
    news.kind = LaunchNews::Kind::kListener;
    news.listener = TakeDescriptor(&header);
  } else {
    news.kind = LaunchNews::Kind::kFailed;
    // seccomp.c:init_listener: one listener in a chain of filters.
    const bool taken = message.stage == Stage::kFilter && message.error == EBUSY;
    news.status = absl::ErrnoToStatus(
        message.error,
        absl::StrCat(taken ? "an outer seccomp filter has a listener already: " : "", CallOf(message.stage)));
  }
  return news;
}

}  // namespace nestrace
