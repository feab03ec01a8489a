#include "supervisor/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

#include "absl/status/status.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

// Owner of a libseccomp filter.
class Context {
 public:
  explicit Context(uint32_t arch) : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) return;
    Check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
    if (arch == seccomp_arch_native()) return;
    Check(seccomp_arch_add(context_, arch));
    Check(seccomp_arch_remove(context_, SCMP_ARCH_NATIVE));
  }
  ~Context() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void Notify(std::initializer_list<int> calls) {
    for (int nr : calls) Check(seccomp_rule_add_exact(context_, SCMP_ACT_NOTIFY, nr, 0));
  }

  // Notifies of the calls whose first argument, masked, is `value`. The kernel looks at 32 bits of these
  // arguments only, so the mask leaves the upper half out.
  void NotifyIfFirstArgument(std::initializer_list<int> calls, uint32_t mask, uint32_t value) {
    const scmp_arg_cmp condition = SCMP_A0_64(SCMP_CMP_MASKED_EQ, mask, value);
    for (int nr : calls) Check(seccomp_rule_add_exact_array(context_, SCMP_ACT_NOTIFY, nr, 1, &condition));
  }

  // The same for a call that must match in its first two arguments.
  void NotifyIfArguments(int nr, uint32_t first, uint32_t second) {
    const scmp_arg_cmp conditions[] = {SCMP_A0_64(SCMP_CMP_MASKED_EQ, ~0u, first),
                                       SCMP_A1_64(SCMP_CMP_MASKED_EQ, ~0u, second)};
    Check(seccomp_rule_add_exact_array(context_, SCMP_ACT_NOTIFY, nr, 2, conditions));
  }

  // Takes the rules of `other`, which is of another architecture.
  void Merge(Context* other) {
    Check(other->error_);
    Check(seccomp_merge(context_, other->context_));
    if (error_ == 0) other->context_ = nullptr;
  }

  int Export(int fd) {
    Check(seccomp_export_bpf(context_, fd));
    return error_;
  }

 private:
  // Keeps the first error.
  void Check(int result) {
    if (result < 0 && error_ == 0) error_ = result;
  }

  scmp_filter_ctx context_;
  int error_ = context_ == nullptr ? -ENOMEM : 0;
};

void AddRules(Context* context) {
  context->Notify({SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(clone3)});
  context->NotifyIfFirstArgument({SCMP_SYS(rt_sigaction)}, ~0u, SIGCHLD);
  context->NotifyIfFirstArgument({SCMP_SYS(seccomp)}, ~0u, SECCOMP_SET_MODE_FILTER);
  context->NotifyIfArguments(SCMP_SYS(prctl), PR_SET_SECCOMP, SECCOMP_MODE_FILTER);
  context->NotifyIfFirstArgument({SCMP_SYS(clone)}, CLONE_UNTRACED, CLONE_UNTRACED);
}

}  // namespace

absl::StatusOr<FilterProgram> FilterProgram::Build() {
  // libseccomp would ask the running kernel which actions it has, and be misled where an outer filter
  // answers. What the kernel lacks shows when the program is installed.
  seccomp_api_set(6);

  Context filter(SCMP_ARCH_X86_64);
  AddRules(&filter);
  Context i386(SCMP_ARCH_X86);
  AddRules(&i386);
  i386.Notify({SCMP_SYS(waitpid)});
  i386.NotifyIfFirstArgument({SCMP_SYS(sigaction), SCMP_SYS(signal)}, ~0u, SIGCHLD);
  filter.Merge(&i386);

  UniqueFd file(memfd_create("nestrace-filter", MFD_CLOEXEC));
  if (!file.ok()) return absl::ErrnoToStatus(errno, "memfd_create()");
  if (const int error = filter.Export(file.get()); error < 0) {
    return absl::ErrnoToStatus(-error, "libseccomp: building the filter");
  }
  const off_t size = lseek(file.get(), 0, SEEK_END);
  FilterProgram program;
  program.instructions_.resize(size / sizeof(sock_filter));
  if (pread(file.get(), program.instructions_.data(), size, 0) != size) {
    return absl::ErrnoToStatus(errno, "pread(memfd)");
  }
  return program;
}

int FilterProgram::Install() const {
  const sock_fprog program = {static_cast<unsigned short>(instructions_.size()),
                              const_cast<sock_filter*>(instructions_.data())};
  const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace nestrace
