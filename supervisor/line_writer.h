// Writes whole lines to a descriptor, each with one write(2) and before the call returns, so that a
// supervisor that is killed has lost none, and lines of several processes do not mix.
//
//   LineWriter writer(std::move(fd), [](int error) { ... });
//   writer.Write("one line\n");
//
// The first error, a full disk say, is told once; from then on nothing is written.

#ifndef NESTRACE_SUPERVISOR_LINE_WRITER_H_
#define NESTRACE_SUPERVISOR_LINE_WRITER_H_

#include <functional>
#include <utility>

#include "absl/strings/string_view.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class LineWriter {
 public:
  // `on_error` gets an errno.
  LineWriter(UniqueFd fd, std::function<void(int error)> on_error)
      : fd_(std::move(fd)), on_error_(std::move(on_error)) {}

  // `line` ends in a newline.
  void Write(absl::string_view line);

 private:
  UniqueFd fd_;
  std::function<void(int)> on_error_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_LINE_WRITER_H_
