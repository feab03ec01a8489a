// One call of file_calls.h while it is answered, and its handlers by topic.

#ifndef NESTRACE_SUPERVISOR_FILE_REQUEST_H_
#define NESTRACE_SUPERVISOR_FILE_REQUEST_H_

#include <errno.h>

#include <string>

#include "supervisor/file_calls.h"
#include "supervisor/guest_files.h"
#include "supervisor/policy.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

// What a call comes to.
struct FileReply {
  long value = 0;     // its result, or a negative errno
  bool done = false;  // something was changed
  bool run = false;   // the kernel is to make the call
  UniqueFd fd;        // the result is this descriptor
  bool close_on_exec = false;

  static FileReply Run() {
    FileReply reply;
    reply.run = true;
    return reply;
  }
  static FileReply Of(long value) {
    FileReply reply;
    reply.value = value;
    return reply;
  }
  // Of a libc-like `result` of something that changes files.
  static FileReply Done(long result) {
    FileReply reply;
    reply.value = result < 0 ? -errno : result;
    reply.done = true;
    return reply;
  }
};

class FileRequest {
 public:
  using FindOptions = GuestFiles::FindOptions;
  using Found = GuestFiles::Found;

  FileRequest(Call* call, const GuestFiles& files, const FileCalls::Judge& judge, FileCalls::Answer* answer)
      : call_(*call), files_(files), judge_(judge), answer_(*answer) {}

  Call& call() const { return call_; }
  const GuestFiles& files() const { return files_; }
  bool is64() const { return call_.abi() == Abi::kX86_64; }
  uint64_t arg(int index) const { return call_.arg(index); }
  int int_arg(int index) const { return static_cast<int>(call_.arg(index)); }

  // The path in argument `index`, from `dirfd`. 0, -ENOENT if nothing is there, or another negative errno.
  long Find(int dirfd, int index, const FindOptions& options, Found* found);
  // The same, but that nothing is there is no error.
  long FindOrMissing(int dirfd, int index, const FindOptions& options, Found* found);
  // A path that the supervisor has.
  long FindPath(int dirfd, const std::string& path, const FindOptions& options, Found* found);

  // What the embedder says of opening it: 0 or a negative errno.
  long MayOpen(const Found& found);
  // Of what has been opened: 0 or a negative errno.
  long MayKeep(int fd);

  // Into argument `index`: 0 or a negative errno.
  template <typename T>
  long Write(int index, const T& value) {
    return call_.Write(arg(index), absl::MakeConstSpan(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  template <typename T>
  long Read(int index, T* value) {
    return call_.Read(arg(index), absl::MakeSpan(reinterpret_cast<char*>(value), sizeof(*value)));
  }

 private:
  Call& call_;
  const GuestFiles& files_;
  const FileCalls::Judge& judge_;
  FileCalls::Answer& answer_;
};

// A name and the function that answers the call.
struct FileCall {
  const char* name;
  FileReply (*answer)(FileRequest* request);
};

// file_calls_open.cc, _read.cc, _change.cc
absl::Span<const FileCall> OpenCalls();
absl::Span<const FileCall> ReadCalls();
absl::Span<const FileCall> ChangeCalls();

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_FILE_REQUEST_H_
