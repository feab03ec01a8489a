#include "supervisor/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace nestrace {
namespace {

constexpr int kMaxErrno = 4095;
constexpr uint64_t kPage = 4096;

}  // namespace

std::array<uint64_t, 6> Call::args() const {
  std::array<uint64_t, 6> args;
  std::copy(std::begin(call_.args), std::end(call_.args), args.begin());
  return args;
}

// Page by page: the string may end just before memory that is not there.
long Call::ReadString(uint64_t addr, size_t limit, std::string* text) {
  text->clear();
  while (text->size() < limit) {
    char bytes[kPage];
    const size_t size = std::min<size_t>(limit - text->size(), kPage - addr % kPage);
    const long error = Read(addr, absl::MakeSpan(bytes, size));
    if (error < 0) return error;
    const size_t length = strnlen(bytes, size);
    text->append(bytes, length);
    if (length < size) return 0;
    addr += size;
  }
  return -ENAMETOOLONG;
}

long Call::ReadPath(uint64_t addr, std::string* path) { return ReadString(addr, PATH_MAX, path); }

Decision Decision::Deny(int error) {
  Decision decision;
  decision.decision_ = Interceptor::Decision::Return(-static_cast<int64_t>(error));
  decision.denied_ = true;
  return decision;
}

Decision Decision::Return(int64_t value) {
  Decision decision;
  decision.decision_ = Interceptor::Decision::Return(value);
  return decision;
}

Decision Decision::Give(UniqueFd fd, bool close_on_exec) {
  Decision decision;
  decision.decision_.kind = Interceptor::Decision::Kind::kDescriptor;
  decision.decision_.value = fd.get();
  decision.decision_.close_on_exec = close_on_exec;
  decision.decision_.keep = std::make_shared<UniqueFd>(std::move(fd));
  return decision;
}

Decision Decision::RunWith(const std::array<uint64_t, 6>& args) {
  Decision decision;
  decision.decision_.kind = Interceptor::Decision::Kind::kChange;
  decision.decision_.args = args;
  return decision;
}

absl::Status Decision::Check() const {
  using Kind = Interceptor::Decision::Kind;
  if (denied_ && (decision_.value >= 0 || decision_.value < -kMaxErrno)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Decision::Deny(", -decision_.value, "): an errno is 1 to ", kMaxErrno));
  }
  if (decision_.kind == Kind::kDescriptor && fcntl(static_cast<int>(decision_.value), F_GETFD) < 0) {
    return absl::InvalidArgumentError("Decision::Give() of a descriptor that is not open");
  }
  if (decision_.done && (decision_.kind == Kind::kRun || decision_.kind == Kind::kChange)) {
    return absl::InvalidArgumentError("Decision::Done() of a call that is still to be made");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Policy::MayExecute(Tid) { return true; }

}  // namespace nestrace
