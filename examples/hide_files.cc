// hide_files --hide=PATH... [--log=FILE] -- COMMAND...
//
// Runs the command as if PATH were not there: not the file, or the directory with all that is below it. What
// was refused is written to FILE, one line each. Debuggers in the command work, and see ENOENT.
//
// hide_files.md tells what is mediated, denied and left alone, and why that is closed.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/file_calls.h"
#include "supervisor/guest_files.h"
#include "supervisor/inherited.h"
#include "supervisor/supervisor.h"

namespace {

using nestrace::Call;
using nestrace::Decision;
using nestrace::FileCalls;
using nestrace::GuestFiles;
using nestrace::Tid;

// Calls that have no place here, and what they come to.
struct Refused {
  const char* name;
  int error;
};
constexpr Refused kRefused[] = {
    // Other views of the file system: nobody gets a mount namespace, a root or a mount of his own.
    {"mount", EPERM},
    {"umount", EPERM},
    {"umount2", EPERM},
    {"pivot_root", EPERM},
    {"chroot", EPERM},
    {"setns", EPERM},
    {"fsopen", EPERM},
    {"fsconfig", EPERM},
    {"fsmount", EPERM},
    {"fspick", EPERM},
    {"move_mount", EPERM},
    {"open_tree", EPERM},
    {"open_tree_attr", EPERM},
    {"mount_setattr", EPERM},
    {"clone3", ENOSYS},  // its flags are in memory; the C library falls back to clone
    // Files without a path, or by a path that no filter sees.
    {"io_uring_setup", ENOSYS},
    {"io_uring_enter", ENOSYS},
    {"io_uring_register", ENOSYS},
    {"open_by_handle_at", EPERM},
    {"name_to_handle_at", EOPNOTSUPP},
    {"fanotify_init", EPERM},
    {"fanotify_mark", EPERM},
    {"pidfd_getfd", EPERM},
    {"uselib", ENOSYS},
    {"acct", EPERM},
    {"swapon", EPERM},
    {"swapoff", EPERM},
    {"quotactl", EPERM},
    {"setxattrat", ENOSYS},
    {"getxattrat", ENOSYS},
    {"listxattrat", ENOSYS},
    {"removexattrat", ENOSYS},
    {"file_getattr", ENOSYS},
    {"file_setattr", ENOSYS},
    // Ways to look into the kernel or to make the supervisor wait for a guest's page.
    {"bpf", EPERM},
    {"perf_event_open", EPERM},
    {"userfaultfd", EPERM},
    // What is opened for a guest is not opened under its Landlock rules: better that it knows.
    {"landlock_create_ruleset", EOPNOTSUPP},
    {"landlock_restrict_self", EOPNOTSUPP},
    // Its arguments are in memory; i386 has a call of its own for each since Linux 4.3.
    {"socketcall", ENOSYS},
};

struct Settings {
  std::vector<std::string> hidden;
  std::string log;
  std::vector<std::string> command;
};

// Terminals, null, zero, full, random and urandom. Other devices may hold the disk.
int JudgeOpen(const GuestFiles::Found& found) {
  if (S_ISBLK(found.status.st_mode)) return EACCES;
  if (!S_ISCHR(found.status.st_mode)) return 0;
  const unsigned major_number = major(found.status.st_rdev), minor_number = minor(found.status.st_rdev);
  const bool memory =
      major_number == 1 && minor_number != 1 && minor_number != 2 && minor_number != 4 && minor_number != 11;
  const bool terminal =
      major_number == 4 || major_number == 5 || (major_number >= 136 && major_number <= 143);
  return memory || terminal ? 0 : EACCES;
}

class HideFiles : public nestrace::Policy {
 public:
  HideFiles(const GuestFiles* files, int log) : files_(*files), file_calls_(files, JudgeOpen), log_(log) {
    for (const Refused& call : kRefused) refused_[call.name] = call.error;
  }

  std::vector<std::string> Calls() const override {
    std::vector<std::string> calls = FileCalls::Names();
    for (const Refused& call : kRefused) calls.push_back(call.name);
    for (const char* name : {"bind", "unshare", "clone", "socket", "socketpair", "pidfd_open", "prlimit64",
                             "process_vm_readv", "process_vm_writev"}) {
      calls.push_back(name);
    }
    return calls;
  }
  bool NewCallsAreEnosys() const override { return true; }

  absl::StatusOr<Decision> OnCall(Call* call) override {
    const auto refused = refused_.find(call->name());
    if (refused != refused_.end()) return Refuse(call, refused->second, "");
    if (const std::optional<int> error = JudgeRegisters(*call); error.has_value()) {
      return *error == 0 ? Decision::Run() : Refuse(call, *error, "");
    }
    if (call->name() == "bind") return Bind(call);
    FileCalls::Answer answer = file_calls_.OnCall(call);
    if (!answer.hidden) return std::move(answer.decision);
    return std::move(answer.decision).WhenTaken(Logging(*call, answer.path));
  }

  absl::StatusOr<bool> MayExecute(Tid tid) override {
    if (file_calls_.MayExecute(tid)) return true;
    Log(absl::StrCat(tid.value, " was killed: it got hold of a hidden program"));
    return false;
  }

 private:
  // Calls whose register arguments say all. 0: let it run.
  std::optional<int> JudgeRegisters(const Call& call) const {
    const std::string& name = call.name();
    const uint64_t first = call.arg(0);
    if (name == "unshare" || name == "clone") {
      return (first & (CLONE_NEWNS | CLONE_NEWUSER)) != 0 ? EPERM : 0;
    }
    // A socket's path is in memory, and the kernel connects: so there are none that have paths.
    if (name == "socket") return static_cast<int>(first) == AF_UNIX ? EACCES : 0;
    if (name == "socketpair") {
      // A pair of datagram sockets can send to paths; SOCK_RAW is another name for it (unix_create).
      const uint64_t type = call.arg(1) & 0xf;
      return static_cast<int>(first) == AF_UNIX && type != SOCK_STREAM && type != SOCK_SEQPACKET ? EACCES : 0;
    }
    const Tid target{static_cast<pid_t>(first)};
    if (name == "pidfd_open") return files_.IsGuest(target) ? 0 : ESRCH;
    // Lest a guest keeps the supervisor from opening files or writing the log.
    if (name == "prlimit64") return target.value == 0 || files_.IsGuest(target) ? 0 : ESRCH;
    // The other process may have executed a hidden program by the time that the kernel looks. A debugger
    // falls back on ptrace or /proc/PID/mem.
    if (name.rfind("process_vm_", 0) == 0) return target == call.process() ? 0 : EPERM;
    return std::nullopt;
  }

  // A socket of a pair could be given a path. Only the socket itself says whether it is of the kind that has
  // paths, so it is bound here, and not whatever has its number when the kernel looks.
  Decision Bind(Call* call) {
    char address[sizeof(sockaddr_storage)];
    const uint64_t size = call->arg(2);
    if (size > sizeof(address)) return Decision::Deny(EINVAL);
    if (const long error = call->Read(call->arg(1), absl::MakeSpan(address, size)); error < 0) {
      return Decision::Deny(static_cast<int>(-error));
    }
    const nestrace::UniqueFd fd = files_.Descriptor(call->tid(), static_cast<int>(call->arg(0)));
    int domain = 0;
    socklen_t length = sizeof(domain);
    if (!fd.ok() || getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0) {
      return Decision::Deny(errno);
    }
    if (domain == AF_UNIX) return Refuse(call, EACCES, "");
    const int result = bind(fd.get(), reinterpret_cast<sockaddr*>(address), static_cast<socklen_t>(size));
    return Decision::Return(result < 0 ? -errno : 0).Done();
  }

  Decision Refuse(Call* call, int error, const std::string& path) {
    return Decision::Deny(error).WhenTaken(Logging(*call, path));
  }

  std::function<void()> Logging(const Call& call, const std::string& path) {
    return [this, tid = call.tid(), name = call.name(), path] {
      Log(absl::StrCat(tid.value, " ", name, path.empty() ? "" : " ", path));
    };
  }

  void Log(const std::string& text) {
    const std::string line = absl::StrCat(text, "\n");
    if (log_ >= 0 && write(log_, line.data(), line.size()) < 0) return;  // nobody to tell
  }

  const GuestFiles& files_;
  const FileCalls file_calls_;
  const int log_;
  std::map<std::string, int> refused_;
};

absl::StatusOr<Settings> Parse(int argc, char** argv) {
  Settings settings;
  int i = 1;
  for (; i < argc && argv[i] != absl::string_view("--"); ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--hide=")) {
      settings.hidden.push_back(std::string(word));
    } else if (absl::ConsumePrefix(&word, "--log=")) {
      settings.log = std::string(word);
    } else {
      return absl::InvalidArgumentError(absl::StrCat("what is ", argv[i], "?"));
    }
  }
  for (++i; i < argc; ++i) settings.command.push_back(argv[i]);
  if (settings.hidden.empty()) {
    return absl::InvalidArgumentError("usage: hide_files --hide=PATH... [--log=FILE] -- COMMAND...");
  }
  return settings;
}

// With capabilities a guest could read the disk below the file system, or the memory of any process.
absl::Status DropCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) < 0) return absl::ErrnoToStatus(errno, "capset()");
  return absl::OkStatus();
}

// The kernel writes them itself, into a working directory that may be hidden if a guest has won a race for
// it.
absl::Status ForbidCoreDumps() {
  const rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) < 0) return absl::ErrnoToStatus(errno, "setrlimit(RLIMIT_CORE)");
  return absl::OkStatus();
}

absl::StatusOr<nestrace::Result> Run(const Settings& settings) {
  nestrace::Supervisor::Options options;
  options.inherited = nestrace::Inherited::TakeOver();
  if (absl::Status status = DropCapabilities(); !status.ok()) return status;
  if (absl::Status status = ForbidCoreDumps(); !status.ok()) return status;
  absl::StatusOr<GuestFiles> files = GuestFiles::Open();
  if (!files.ok()) return files.status();
  for (const std::string& path : settings.hidden) {
    if (absl::Status status = files->Hide(path); !status.ok()) return status;
  }
  nestrace::UniqueFd log;
  if (!settings.log.empty()) {
    log = nestrace::UniqueFd(open(settings.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log.ok()) return absl::ErrnoToStatus(errno, settings.log);
  }
  HideFiles policy(&*files, log.get());
  options.policy = &policy;
  absl::StatusOr<std::unique_ptr<nestrace::Supervisor>> supervisor =
      nestrace::Supervisor::Start({settings.command}, options);
  if (!supervisor.ok()) return supervisor.status();
  return (*supervisor)->Run();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<Settings> settings = Parse(argc, argv);
  absl::StatusOr<nestrace::Result> result =
      settings.ok() ? Run(*settings) : absl::StatusOr<nestrace::Result>(settings.status());
  if (!result.ok()) {
    fprintf(stderr, "hide_files: %s\n", std::string(result.status().message()).c_str());
    return 125;
  }
  if (result->kind == nestrace::Result::Kind::kNotStarted) {
    fprintf(stderr, "hide_files: %s: %s\n", settings->command[0].c_str(), result->ToString().c_str());
  }
  return result->ExitCode();
}
