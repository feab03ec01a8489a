// UniqueFd: the only owner of a file descriptor, closed with it. Moves, never copies.
//
//   UniqueFd fd(open("/proc", O_PATH | O_CLOEXEC));
//   if (!fd.ok()) return absl::ErrnoToStatus(errno, "open(\"/proc\")");
//   read(fd.get(), ...);

#ifndef NESTRACE_SUPERVISOR_UNIQUE_FD_H_
#define NESTRACE_SUPERVISOR_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace nestrace {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Gives the descriptor up without closing it.
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_UNIQUE_FD_H_
