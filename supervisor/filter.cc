#include "supervisor/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>
#include <utility>
#include <vector>

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

  // Notifies of those of the calls that meet all conditions.
  void Notify(std::initializer_list<int> calls, const std::vector<scmp_arg_cmp>& conditions = {}) {
    for (int nr : calls) {
      Check(
          seccomp_rule_add_exact_array(context_, SCMP_ACT_NOTIFY, nr, conditions.size(), conditions.data()));
    }
  }

  // Takes the rules of `other`, which is of another architecture.
  void Merge(Context* other) {
    Check(other->error_);
    if (error_ < 0) return;
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

// The first argument, masked, is `value`. The kernel looks at 32 bits of the arguments that are compared
// only, so a mask leaves the upper half out.
scmp_arg_cmp First(uint32_t value, uint32_t mask = ~0u) {
  return SCMP_A0_64(SCMP_CMP_MASKED_EQ, mask, value);
}

scmp_arg_cmp Second(uint32_t value) { return SCMP_A1_64(SCMP_CMP_MASKED_EQ, ~0u, value); }

// `conditions`, and that the sixth argument is not `pass`.
std::vector<scmp_arg_cmp> Unpassed(std::vector<scmp_arg_cmp> conditions, uint64_t pass) {
  if (pass != 0) conditions.push_back(SCMP_A5_64(SCMP_CMP_NE, pass));
  return conditions;
}

void AddRules(Context* context, uint64_t pass) {
  context->Notify({SCMP_SYS(ptrace)});
  context->Notify({SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(clone3)}, Unpassed({}, pass));
  context->Notify({SCMP_SYS(clone)}, {First(CLONE_UNTRACED, CLONE_UNTRACED)});
  context->Notify({SCMP_SYS(prctl)}, {First(PR_GET_SECCOMP)});
  context->Notify({SCMP_SYS(prctl)}, {First(PR_SET_SECCOMP), Second(SECCOMP_MODE_STRICT)});
  context->Notify({SCMP_SYS(seccomp)}, {First(SECCOMP_SET_MODE_STRICT)});
  context->Notify({SCMP_SYS(rt_sigaction)}, Unpassed({First(SIGCHLD)}, pass));
  context->Notify({SCMP_SYS(seccomp)}, Unpassed({First(SECCOMP_SET_MODE_FILTER)}, pass));
  context->Notify({SCMP_SYS(prctl)}, Unpassed({First(PR_SET_SECCOMP), Second(SECCOMP_MODE_FILTER)}, pass));
  context->Notify(
      {SCMP_SYS(landlock_restrict_self), SCMP_SYS(userfaultfd), SCMP_SYS(mount), SCMP_SYS(fsopen)},
      Unpassed({}, pass));
  // Only who may use the device pays for the look at each ioctl(2).
  if (access("/dev/userfaultfd", R_OK | W_OK) == 0)
    context->Notify({SCMP_SYS(ioctl)}, Unpassed({Second(USERFAULTFD_IOC_NEW)}, pass));
}

sock_filter Statement(uint16_t code, uint32_t k) { return BPF_STMT(code, k); }

sock_filter Jump(uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false) {
  return BPF_JUMP(code, k, jump_true, jump_false);
}

// What stands in front of libseccomp's program, whose jumps are relative: the rules of `spec`. They are not
// left to libseccomp, which takes i386 socket calls for what socketcall(2) does only.
std::vector<sock_filter> Prologue(const FilterSpec& spec) {
  std::vector<sock_filter> program;
  const auto load = [&program](uint32_t offset) {
    program.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, offset));
  };
  if (spec.new_calls_are_enosys) {
    load(offsetof(seccomp_data, nr));
    program.push_back(Jump(BPF_JMP | BPF_JGE | BPF_K, kFirstUnknownCall, 0, 2));
    program.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, ~0u, 1, 0));  // a tracer skips the call
    program.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  for (Abi abi : {Abi::kX86_64, Abi::kI386}) {
    std::vector<sock_filter> calls;
    for (const CallNumber& call : spec.calls) {
      if (call.abi != abi) continue;
      calls.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call.nr), 0, 1));
      calls.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    }
    load(offsetof(seccomp_data, arch));
    const uint32_t arch = abi == Abi::kX86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
    program.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
    program.push_back(Statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(calls.size() + 1)));
    load(offsetof(seccomp_data, nr));
    program.insert(program.end(), calls.begin(), calls.end());
  }
  return program;
}

}  // namespace

absl::StatusOr<FilterProgram> FilterProgram::Build(const FilterSpec& spec) {
  // libseccomp would ask the running kernel which actions it has, and be misled where an outer filter
  // answers. What the kernel lacks shows when the program is installed.
  seccomp_api_set(6);

  Context filter(SCMP_ARCH_X86_64);
  AddRules(&filter, spec.pass);
  Context i386(SCMP_ARCH_X86);
  const uint32_t pass = static_cast<uint32_t>(spec.pass);
  AddRules(&i386, pass);
  i386.Notify({SCMP_SYS(waitpid)}, Unpassed({}, pass));
  i386.Notify({SCMP_SYS(sigaction), SCMP_SYS(signal)}, Unpassed({First(SIGCHLD)}, pass));
  filter.Merge(&i386);

  // A pipe, since RLIMIT_FSIZE is of files. It has room for all: the calls of `spec` are not yet there.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return absl::ErrnoToStatus(errno, "pipe2()");
  const UniqueFd output(ends[0]);
  const UniqueFd input(ends[1]);
  if (const int error = filter.Export(input.get()); error < 0) {
    return absl::ErrnoToStatus(-error, "libseccomp: building the filter");
  }
  FilterProgram program;
  program.instructions_.resize(BPF_MAXINSNS);
  const ssize_t size = read(output.get(), program.instructions_.data(), BPF_MAXINSNS * sizeof(sock_filter));
  if (size < 0) return absl::ErrnoToStatus(errno, "read(pipe)");
  program.instructions_.resize(size / sizeof(sock_filter));
  const std::vector<sock_filter> prologue = Prologue(spec);
  program.instructions_.insert(program.instructions_.begin(), prologue.begin(), prologue.end());
  return program;
}

int FilterProgram::Install() const {
  const sock_fprog program = {static_cast<unsigned short>(instructions_.size()),
                              const_cast<sock_filter*>(instructions_.data())};
  const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace nestrace
