#include "supervisor/slow_memory.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "supervisor/guest_memory.h"

namespace nestrace {

struct SlowMemory::Access {
  Tid tid;
  GuestAddr addr{0};
  bool write = false;
  std::vector<char> bytes;
  long result = 0;

  void Make() {
    result = write ? WriteGuestMemory(tid, addr, bytes) : ReadGuestMemory(tid, addr, absl::MakeSpan(bytes));
  }
};

// A thread that makes one access after the other. It may never come back from one: the kernel lets only a
// signal that kills us interrupt it, or nothing (fs/userfaultfd.c:handle_userfault).
class SlowMemory::Worker {
 public:
  // Null if there is no room for a thread.
  static std::shared_ptr<Worker> Start(std::shared_ptr<const UniqueFd> ended) {
    auto worker = std::make_shared<Worker>(std::move(ended));
    auto owned = std::make_unique<std::shared_ptr<Worker>>(worker);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Worker::Main, owned.get()) != 0) return nullptr;
    owned.release();  // Main has it
    pthread_detach(thread);
    return worker;
  }

  explicit Worker(std::shared_ptr<const UniqueFd> ended) : ended_(std::move(ended)) {}

  // True if the access was made at once, and `access` has its result. Otherwise, Ended() says when it was.
  bool Make(Access* access) {
    std::unique_lock<std::mutex> lock(mutex_);
    access_ = std::move(*access);
    state_ = State::kAsked;
    changed_.notify_all();
    announce_ = !changed_.wait_for(lock, kPatience, [this] { return state_ == State::kIdle; });
    if (!announce_) *access = std::move(access_);
    return !announce_;
  }

  bool Ended() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return state_ == State::kIdle;
  }

  void Quit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    quit_ = true;
    changed_.notify_all();
  }

 private:
  enum class State { kIdle, kAsked };

  static void* Main(void* owned) {
    const std::unique_ptr<std::shared_ptr<Worker>> worker(static_cast<std::shared_ptr<Worker>*>(owned));
    (*worker)->Work();
    return nullptr;
  }

  void Work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return quit_ || state_ == State::kAsked; });
      if (quit_) return;
      lock.unlock();
      access_.Make();
      lock.lock();
      state_ = State::kIdle;
      changed_.notify_all();
      if (announce_) eventfd_write(ended_->get(), 1);
    }
  }

  const std::shared_ptr<const UniqueFd> ended_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  Access access_;  // the thread's while kAsked
  bool announce_ = false;
  bool quit_ = false;
};

SlowMemory::SlowMemory() : ended_(std::make_shared<const UniqueFd>(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {}

SlowMemory::~SlowMemory() {
  if (idle_ != nullptr) idle_->Quit();
  for (const auto& [tid, worker] : busy_) worker->Quit();
}

long SlowMemory::Read(Tid tid, GuestAddr addr, absl::Span<char> out) {
  Access access = {.tid = tid, .addr = addr, .bytes = std::vector<char>(out.size())};
  const long result = Perform(&access);
  if (result == 0) std::copy(access.bytes.begin(), access.bytes.end(), out.begin());
  return result;
}

long SlowMemory::Write(Tid tid, GuestAddr addr, absl::Span<const char> in) {
  Access access = {.tid = tid, .addr = addr, .write = true, .bytes = {in.begin(), in.end()}};
  return Perform(&access);
}

long SlowMemory::Perform(Access* access) {
  const Tid tid = access->tid;
  if (busy_.contains(tid)) return -EAGAIN;
  if (idle_ == nullptr) idle_ = Worker::Start(ended_);
  if (idle_ == nullptr) return -EFAULT;
  if (idle_->Make(access)) return access->result;
  busy_[tid] = std::move(idle_);
  return -EAGAIN;
}

std::vector<Tid> SlowMemory::Finished() {
  eventfd_t unused;
  eventfd_read(ended_->get(), &unused);
  std::vector<Tid> finished;
  for (const auto& [tid, worker] : busy_) {
    if (worker->Ended()) finished.push_back(tid);
  }
  for (Tid tid : finished) {
    const std::shared_ptr<Worker> worker = std::move(busy_.extract(tid).mapped());
    if (idle_ == nullptr) {
      idle_ = worker;
    } else {
      worker->Quit();
    }
  }
  return finished;
}

}  // namespace nestrace
