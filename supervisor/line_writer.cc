#include "supervisor/line_writer.h"

#include <errno.h>
#include <unistd.h>

namespace nestrace {

void LineWriter::Write(absl::string_view line) {
  while (fd_.ok() && !line.empty()) {
    const ssize_t written = write(fd_.get(), line.data(), line.size());
    if (written >= 0) {
      line.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      const int error = errno;
      fd_.Reset();
      on_error_(error);
    }
  }
}

}  // namespace nestrace
