// Makes a machine hold code up at random points, in the kernel too, as a busy host does with its virtual
// processors: a race with a window of microseconds then shows within minutes.
//
//   noise [--period=MICROSECONDS] [--events=N] COMMAND [ARGUMENT...]
//
// While COMMAND runs, every processor is interrupted each 150 us, or as given, by 10 software events of
// perf_event_open(2), each of which copies 64 KB of whatever stack is there: some 100 us in all. Needs root,
// and sysctl kernel.perf_cpu_time_max_percent=0, or the kernel makes the events rarer. The exit status is
// COMMAND's.

#include <errno.h>
#include <linux/perf_event.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kBufferPages = 64;  // a sample and its header; a power of two

bool Fail(const char* what) {
  fprintf(stderr, "noise: %s: %s\n", what, strerror(errno));
  return false;
}

// An event on `cpu` that takes a large sample each `period` nanoseconds, into a buffer that is overwritten.
bool StartEvent(int cpu, uint64_t period) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof(attributes));
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.sample_period = period;
  attributes.sample_type =
      PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
  attributes.sample_regs_user = 0xff;
  attributes.sample_stack_user = 65528;  // the most there is
  attributes.write_backward = 1;
  const int event =
      static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
  if (event < 0) return Fail("perf_event_open");
  if (mmap(nullptr, (1 + kBufferPages) * kPage, PROT_READ, MAP_SHARED, event, 0) == MAP_FAILED) {
    return Fail("mmap of an event");
  }
  return true;
}

int Run(char** command) {
  pid_t pid = 0;
  errno = posix_spawnp(&pid, command[0], nullptr, nullptr, command, environ);
  int status = 0;
  if (errno != 0 || waitpid(pid, &status, 0) != pid) {
    Fail(command[0]);
    return 127;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int main(int argc, char** argv) {
  long period = 150;  // us
  long events = 10;
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; ++i) {
    const std::string_view word = argv[i];
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    long* const number = name == "--period" ? &period : name == "--events" ? &events : nullptr;
    char* end = nullptr;
    if (number != nullptr && equals != word.npos) *number = strtol(argv[i] + equals + 1, &end, 10);
    if (end == nullptr || *end != '\0' || *number < 1 || *number > 1'000'000) break;
  }
  if (i == argc || argv[i][0] == '-') {
    fprintf(stderr, "usage: noise [--period=MICROSECONDS] [--events=N] COMMAND [ARGUMENT...]\n");
    return 2;
  }
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  for (int cpu = 0; cpu < processors; ++cpu) {
    // Not in step with one another.
    for (long event = 0; event < events; ++event) {
      if (!StartEvent(cpu, period * 1000 + event * 137)) return 2;
    }
  }
  return Run(argv + i);
}
