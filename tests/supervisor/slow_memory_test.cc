#include "supervisor/slow_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kPage = 4096;
constexpr Tid kGone{0x7ffffff0};  // no such thread

GuestAddr AddrOf(const void* pointer) { return GuestAddr{reinterpret_cast<uintptr_t>(pointer)}; }

// The guest is this process itself.
class SlowMemoryTest : public ::testing::Test {
 protected:
  // Two pages that are filled by Fill() alone.
  char* MissingPages() {
    faults_ = UniqueFd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC)));
    if (!faults_.ok()) return nullptr;
    uffdio_api api = {};
    api.api = UFFD_API;
    EXPECT_EQ(ioctl(faults_.get(), UFFDIO_API, &api), 0);
    void* pages = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_register range = {};
    range.range = {reinterpret_cast<uintptr_t>(pages), 2 * kPage};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    EXPECT_EQ(ioctl(faults_.get(), UFFDIO_REGISTER, &range), 0);
    return static_cast<char*>(pages);
  }
  void Fill(char* page) {
    uffdio_zeropage zero = {};
    zero.range = {reinterpret_cast<uintptr_t>(page), kPage};
    EXPECT_EQ(ioctl(faults_.get(), UFFDIO_ZEROPAGE, &zero), 0);
  }
  bool Wait() {
    pollfd fd = {memory_.fd(), POLLIN, 0};
    return poll(&fd, 1, 10000) == 1;
  }
  // The result of an access to memory that is there: on a busy machine it, too, may be made later.
  long ResultOf(const std::function<long()>& access) {
    long result = access();
    while (result == -EAGAIN && Wait()) {
      memory_.Finished();
      result = access();
    }
    return result;
  }
  long Read(Tid tid, const void* from) {
    return ResultOf([&] { return memory_.Read(tid, AddrOf(from), absl::MakeSpan(word_)); });
  }

  const Tid self_{getpid()};
  SlowMemory memory_;
  UniqueFd faults_;
  char word_[4] = {};
};

TEST_F(SlowMemoryTest, MemoryThatIsThereIsReadAndWritten) {
  char text[] = "old";
  EXPECT_EQ(Read(self_, text), 0);
  EXPECT_STREQ(word_, "old");
  const auto write = [&] { return memory_.Write(self_, AddrOf(text), absl::MakeConstSpan("new", 4)); };
  EXPECT_EQ(ResultOf(write), 0);
  EXPECT_STREQ(text, "new");
  EXPECT_EQ(Read(self_, reinterpret_cast<const void*>(8)), -EFAULT);
  EXPECT_EQ(Read(kGone, text), -ESRCH);
  EXPECT_THAT(memory_.Finished(), IsEmpty());
}

TEST_F(SlowMemoryTest, MemoryThatIsMissingHoldsUpItsOwnGuestAlone) {
  char* page = MissingPages();
  if (page == nullptr) GTEST_SKIP() << "userfaultfd(2): " << strerror(errno);
  EXPECT_EQ(memory_.Write(self_, AddrOf(page), absl::MakeConstSpan("new", 4)), -EAGAIN);
  EXPECT_EQ(memory_.Read(self_, AddrOf(word_), absl::MakeSpan(word_)), -EAGAIN);
  EXPECT_EQ(Read(kGone, word_), -ESRCH);
  EXPECT_THAT(memory_.Finished(), IsEmpty());
  Fill(page);
  ASSERT_TRUE(Wait());
  EXPECT_THAT(memory_.Finished(), ElementsAre(self_));
  EXPECT_EQ(Read(self_, page), 0);
  EXPECT_STREQ(word_, "new");
}

TEST_F(SlowMemoryTest, AnAccessMayOutliveIt) {
  char* page = MissingPages();
  if (page == nullptr) GTEST_SKIP() << "userfaultfd(2): " << strerror(errno);
  {
    SlowMemory memory;
    EXPECT_EQ(memory.Read(self_, AddrOf(page), absl::MakeSpan(word_)), -EAGAIN);
  }
  Fill(page);
}

}  // namespace
}  // namespace nestrace
