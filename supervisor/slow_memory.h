// Memory of guests that may have to be filled first, by somebody who may be a guest and wait for us meanwhile
// (userfaultfd(2), FUSE): threads do the waiting.
//
//   SlowMemory memory;
//   long error = memory.Read(tid, GuestAddr{0x7fff1234}, absl::MakeSpan(path));
//   ...                                            // -EAGAIN: poll(2) memory.fd(), then
//   for (Tid tid : memory.Finished()) ...          // ask again
//
// Both are as in guest_memory.h, with two more errors:
//   -EAGAIN  the access takes longer than kPatience, and goes on. Until it has ended, no other is made to
//            the memory of that guest, and all are -EAGAIN.
//   -EFAULT  there is no room for another thread

#ifndef NESTRACE_SUPERVISOR_SLOW_MEMORY_H_
#define NESTRACE_SUPERVISOR_SLOW_MEMORY_H_

#include <chrono>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "emu/types.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class SlowMemory {
 public:
  // Enough for a page that is there. Who needs more loses nothing by asking again.
  static constexpr std::chrono::milliseconds kPatience{2};

  SlowMemory();
  ~SlowMemory();
  SlowMemory(const SlowMemory&) = delete;
  SlowMemory& operator=(const SlowMemory&) = delete;

  long Read(Tid tid, GuestAddr addr, absl::Span<char> out);
  long Write(Tid tid, GuestAddr addr, absl::Span<const char> in);

  // Readable when an access that was -EAGAIN has ended.
  int fd() const { return ended_->get(); }
  // The guests whose accesses have.
  std::vector<Tid> Finished();

 private:
  struct Access;
  class Worker;

  long Perform(Access* access);

  const std::shared_ptr<const UniqueFd> ended_;  // an eventfd
  std::shared_ptr<Worker> idle_;                 // may be null
  absl::flat_hash_map<Tid, std::shared_ptr<Worker>> busy_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SLOW_MEMORY_H_
