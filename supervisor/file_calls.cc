#include "supervisor/file_calls.h"

#include <errno.h>
#include <fcntl.h>

#include <utility>

#include "supervisor/file_request.h"
#include "supervisor/guest_identity.h"

namespace nestrace {
namespace {

const FileCall* FindHandler(const std::string& name) {
  for (absl::Span<const FileCall> calls : {OpenCalls(), ReadCalls(), ChangeCalls()}) {
    for (const FileCall& call : calls) {
      if (name == call.name) return &call;
    }
  }
  return nullptr;
}

// access(2) and faccessat(2) ask for the real user; faccessat2(2) with AT_EACCESS does not.
bool AsksForRealUser(const Call& call) {
  if (call.name() == "faccessat2") return (call.arg(3) & AT_EACCESS) == 0;
  return call.name() == "access" || call.name() == "faccessat";
}

Decision DecisionOf(FileReply reply) {
  if (reply.run) return Decision::Run();
  Decision decision = reply.fd.ok() ? Decision::Give(std::move(reply.fd), reply.close_on_exec)
                                    : Decision::Return(reply.value);
  return reply.done ? std::move(decision).Done() : std::move(decision);
}

}  // namespace

long FileRequest::FindPath(int dirfd, const std::string& path, const FindOptions& options, Found* found) {
  const long error = files_.Find(call_.tid(), dirfd, path, options, found);
  if (found->hidden) answer_.hidden = true;
  if (found->hidden || answer_.path.empty()) answer_.path = path;
  return error;
}

long FileRequest::MayOpen(const Found& found) {
  const int error = judge_ ? judge_(found) : 0;
  answer_.hidden = answer_.hidden || error != 0;
  return -error;
}

long FileRequest::MayKeep(int fd) {
  const long error = files_.CheckMemory(call_.tid(), fd);
  answer_.hidden = answer_.hidden || error == -ENOENT;
  return error;
}

long FileRequest::FindOrMissing(int dirfd, int index, const FindOptions& options, Found* found) {
  std::string path;
  // Linux 6.11: no path at all is an empty one, where that is allowed.
  if (arg(index) != 0 || !options.empty_path) {
    if (const long error = call_.ReadPath(arg(index), &path); error < 0) return error;
  }
  return FindPath(dirfd, path, options, found);
}

long FileRequest::Find(int dirfd, int index, const FindOptions& options, Found* found) {
  const long error = FindOrMissing(dirfd, index, options, found);
  return error < 0 || found->object.ok() ? error : -ENOENT;
}

std::vector<std::string> FileCalls::Names() {
  std::vector<std::string> names;
  for (absl::Span<const FileCall> calls : {OpenCalls(), ReadCalls(), ChangeCalls()}) {
    for (const FileCall& call : calls) names.push_back(call.name);
  }
  return names;
}

FileCalls::Answer FileCalls::OnCall(Call* call) const {
  Answer answer;
  const FileCall* handler = FindHandler(call->name());
  const ActAs act(files_.proc(), files_.own(), call->tid(), AsksForRealUser(*call));
  if (handler == nullptr || act.error() < 0) {
    answer.decision = Decision::Return(handler == nullptr ? -ENOSYS : act.error());
    return answer;
  }
  FileRequest request(call, files_, judge_, &answer);
  answer.decision = DecisionOf(handler->answer(&request));
  return answer;
}

// What the kernel has mapped to start it is the program and, for an ELF file, its interpreter. (That of a
// script is the program itself.)
bool FileCalls::MayExecute(Tid tid) const { return !files_.RunsHidden(tid); }

}  // namespace nestrace
