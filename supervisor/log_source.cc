#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_split.h"
#include "supervisor/log.h"

namespace nestrace {
namespace {

constexpr size_t kMostArguments = 4096;  // bytes of /proc/PID/cmdline
constexpr size_t kMostPath = 4096;       // PATH_MAX

int64_t Now(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

// The first bytes of a file, as far as they can be read.
std::string ReadSome(int fd, size_t most) {
  std::string text(most, '\0');
  size_t filled = 0;
  while (filled < most) {
    const ssize_t got = read(fd, text.data() + filled, most - filled);
    if (got <= 0) break;
    filled += static_cast<size_t>(got);
  }
  text.resize(filled);
  return text;
}

}  // namespace

absl::StatusOr<LinuxLogSource> LinuxLogSource::Open() {
  absl::StatusOr<ProcFs> proc = ProcFs::Open();
  if (!proc.ok()) return proc.status();
  return LinuxLogSource(*std::move(proc));
}

int64_t LinuxLogSource::Monotonic() { return Now(CLOCK_MONOTONIC); }
int64_t LinuxLogSource::RealTime() { return Now(CLOCK_REALTIME); }

ProgramImage LinuxLogSource::Image(Tid tid) {
  ProgramImage image;
  const ProcId id = proc_.IdOf(tid);
  // A link that is opened itself can be read with an empty path (readlinkat(2)).
  const UniqueFd exe = proc_.OpenFile(id, "exe", O_PATH | O_NOFOLLOW);
  if (exe.ok()) {
    image.path.resize(kMostPath);
    const ssize_t size = readlinkat(exe.get(), "", image.path.data(), image.path.size());
    image.path.resize(size < 0 ? 0 : static_cast<size_t>(size));
  }
  const UniqueFd cmdline = proc_.OpenFile(id, "cmdline", O_RDONLY);
  if (!cmdline.ok()) return image;
  std::string words = ReadSome(cmdline.get(), kMostArguments + 1);
  image.cut = words.size() > kMostArguments;
  if (image.cut) words.resize(kMostArguments);
  if (words.empty()) return image;
  if (words.back() == '\0') words.pop_back();
  image.argv = absl::StrSplit(words, '\0');
  return image;
}

}  // namespace nestrace
