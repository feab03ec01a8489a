#include "supervisor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "emu/abi.h"
#include "gtest/gtest.h"
#include "supervisor/line_writer.h"

namespace nestrace {
namespace {

constexpr Tid kTracer{7064};
constexpr Tid kTracee{7177};

// A clock that ticks once for each line, and programs by hand.
class FakeSource : public LogSource {
 public:
  int64_t Monotonic() override { return now += 10; }
  int64_t RealTime() override { return 1795545621960983; }
  ProgramImage Image(Tid) override { return image; }

  int64_t now = 990;
  ProgramImage image;
};

template <typename TestedLog>
class LogTest : public ::testing::Test {
 protected:
  LogTest() : log_([this](absl::string_view line) { written_ += std::string(line); }, &source_) {}
  std::string Written() { return std::exchange(written_, ""); }
  void Exec(Tid tid, const std::string& path) {
    source_.image = {path, {path}, false};
    log_.OnExec({.tid = tid, .old_tid = tid});
  }

  FakeSource source_;
  std::string written_;
  TestedLog log_;
};

Notification PtraceCall(long request, uint64_t addr, uint64_t data) {
  Notification call;
  call.tid = kTracer;
  call.nr = 101;
  call.args[0] = static_cast<uint64_t>(request);
  call.args[1] = static_cast<uint64_t>(kTracee.value);
  call.args[2] = addr;
  call.args[3] = data;
  return call;
}

class JsonLogTest : public LogTest<JsonLog> {};

TEST_F(JsonLogTest, StartAndEnd) {
  log_.Start({{"gdb", "./app"}, false, 7000});
  EXPECT_EQ(Written(),
            R"({"event":"start","time":1000,"schema":1,"nestrace":"0.1","realtime":1795545621960983,)"
            R"("supervisor":7000,"argv":["gdb","./app"],"nesting":false})"
            "\n");
  log_.End(7, "exited with 7");
  EXPECT_EQ(Written(), R"({"event":"end","time":1010,"exit_status":7,"meaning":"exited with 7"})"
                       "\n");
}

TEST_F(JsonLogTest, BirthsSayHow) {
  log_.OnBirth({.tid = kTracer, .tgid = kTracer, .parent = {}});
  log_.OnBirth({.tid = kTracee, .tgid = kTracer, .parent = kTracer, .event = kEventClone});
  log_.OnBirth({.tid = kTracee, .tgid = kTracee, .parent = {}});
  EXPECT_EQ(Written(), R"({"event":"birth","time":1000,"tid":7064,"tgid":7064,"how":"program"})"
                       "\n"
                       R"({"event":"birth","time":1010,"tid":7177,"tgid":7064,"how":"clone","parent":7064})"
                       "\n"
                       R"({"event":"birth","time":1020,"tid":7177,"tgid":7177,"how":"orphan"})"
                       "\n");
}

TEST_F(JsonLogTest, BytesThatAreNotUtf8AreReplaced) {
  source_.image = {"/tmp/\xff", {"a\nb\"", "\xc3\xa4", "\xe2\x82", std::string("\0", 1)}, true};
  log_.OnExec({.tid = kTracer, .old_tid = kTracee});
  EXPECT_EQ(Written(),
            "{\"event\":\"exec\",\"time\":1000,\"tid\":7064,\"old_tid\":7177,"
            "\"path\":\"/tmp/\xef\xbf\xbd\",\"argv\":[\"a\\nb\\\"\",\"\xc3\xa4\",\"\xef\xbf\xbd\","
            "\"\\u0000\"],\"cut\":true}\n");
}

TEST_F(JsonLogTest, RequestsHaveTheirArgumentsDecoded) {
  const Notification cont = PtraceCall(kCont, 1, SIGUSR1);
  log_.OnCall({.call = &cont, .target = kTracee, .road = Observer::Road::kAnswered, .result = 0});
  EXPECT_EQ(Written(),
            R"({"event":"request","time":1000,"caller":7064,"abi":"x86_64","request":"PTRACE_CONT",)"
            R"("pid":7177,"target":7177,"addr":"0x1","data":"0xa","signal":"SIGUSR1","road":"answered",)"
            R"("result":0})"
            "\n");
  const Notification seize = PtraceCall(kSeize, 0, kOptTraceFork | kOptExitKill);
  log_.OnCall({.call = &seize, .road = Observer::Road::kRegisters, .result = -ESRCH});
  EXPECT_EQ(Written(),
            R"({"event":"request","time":1010,"caller":7064,"abi":"x86_64","request":"PTRACE_SEIZE",)"
            R"("pid":7177,"addr":"0x0","data":"0x100002","options":"PTRACE_O_TRACEFORK|PTRACE_O_EXITKILL",)"
            R"("road":"registers","result":-3,"error":"ESRCH"})"
            "\n");
  Notification regset = PtraceCall(kGetRegset, kNtX86Xstate, 0x1000);
  regset.abi = Abi::kI386;
  regset.nr = 26;
  log_.OnCall({.call = &regset, .road = Observer::Road::kRefused, .result = 0});
  EXPECT_EQ(Written(),
            R"({"event":"request","time":1020,"caller":7064,"abi":"i386","request":"PTRACE_GETREGSET",)"
            R"("pid":7177,"addr":"0x202","data":"0x1000","note":"NT_X86_XSTATE","road":"refused"})"
            "\n");
}

TEST_F(JsonLogTest, WaitsHaveTheirFlagsDecoded) {
  Notification call;
  call.tid = kTracer;
  call.nr = 61;
  call.args[0] = static_cast<uint64_t>(-1);
  call.args[2] = kWnohang | kWall;
  log_.OnCall({.call = &call, .road = Observer::Road::kParked});
  call.nr = 247;
  call.args[0] = kIdPid;
  call.args[1] = 7177;
  call.args[3] = kWexited | kWnowait;
  log_.OnCall({.call = &call, .road = Observer::Road::kAnswered, .result = -ECHILD});
  EXPECT_EQ(Written(),
            R"({"event":"wait","time":1000,"caller":7064,"abi":"x86_64","call":"wait4","id":-1,)"
            R"("flags":"WNOHANG|__WALL","road":"parked"})"
            "\n"
            R"({"event":"wait","time":1010,"caller":7064,"abi":"x86_64","call":"waitid","id_type":"P_PID",)"
            R"("id":7177,"flags":"WEXITED|WNOWAIT","road":"answered","result":-10,"error":"ECHILD"})"
            "\n");
}

TEST_F(JsonLogTest, ReportsSayWhereTheSignalCameFrom) {
  siginfo_t info = {};
  info.si_signo = SIGUSR1;
  info.si_code = SI_TKILL;
  info.si_pid = 12;
  log_.OnReport(
      {.tracer = kTracer, .tracee = kTracee, .status = W_STOPCODE(SIGUSR1), .message = 5, .info = &info});
  info = {};
  info.si_signo = SIGSEGV;
  info.si_code = SEGV_MAPERR;
  info.si_addr = reinterpret_cast<void*>(0x10);
  log_.OnReport({.tracer = kTracer, .tracee = kTracee, .status = W_STOPCODE(SIGSEGV), .info = &info});
  log_.OnReport({.tracer = kTracer,
                 .tracee = kTracee,
                 .status = W_STOPCODE(SIGTRAP | kEventFork << 8),
                 .has_message = true,
                 .message = 7200});
  EXPECT_EQ(Written(),
            R"({"event":"report","time":1000,"tracer":7064,"tracee":7177,"status":2687,"meaning":"SIGUSR1",)"
            R"("si_code":"SI_TKILL","si_pid":12})"
            "\n"
            R"({"event":"report","time":1010,"tracer":7064,"tracee":7177,"status":2943,"meaning":"SIGSEGV",)"
            R"("si_code":"SEGV_MAPERR","si_addr":"0x10"})"
            "\n"
            R"({"event":"report","time":1020,"tracer":7064,"tracee":7177,"status":66943,)"
            R"("meaning":"PTRACE_EVENT_FORK","message":7200})"
            "\n");
}

TEST_F(JsonLogTest, ExitsSayWhatWasUsed) {
  ExitInfo info;
  info.status = W_EXITCODE(3, 0);
  info.usage.ru_utime = {2, 5};
  info.usage.ru_stime = {0, 7};
  info.usage.ru_maxrss = 640;
  log_.OnExit({.tid = kTracee, .info = &info});
  EXPECT_EQ(Written(), R"({"event":"exit","time":1000,"tid":7177,"status":768,"meaning":"exited, 3",)"
                       R"("user_time":2000005,"system_time":7,"max_rss":640})"
                       "\n");
}

class VerboseLogTest : public LogTest<VerboseLog> {};

TEST_F(VerboseLogTest, ThreadsHaveTheNamesOfTheirPrograms) {
  log_.Start({{"strace", "./my app"}, true, 7000});
  log_.OnBirth({.tid = kTracer, .tgid = kTracer, .parent = {}});
  Exec(kTracer, "/usr/bin/strace");
  log_.OnBirth({.tid = kTracee, .tgid = kTracee, .parent = kTracer, .event = kEventFork});
  Exec(kTracee, "/tmp/app");
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = SI_KERNEL;
  log_.OnReport({.tracer = kTracer, .tracee = kTracee, .status = W_STOPCODE(SIGTRAP), .info = &info});
  const Notification cont = PtraceCall(kCont, 1, SIGUSR1);
  log_.OnCall({.call = &cont, .target = kTracee, .road = Observer::Road::kAnswered, .result = -ESRCH});
  EXPECT_EQ(Written(),
            "    0.000010 nestrace(7000) starts strace './my app'\n"
            "    0.000020 (7064) is born\n"
            "    0.000030 (7064) executes /usr/bin/strace: /usr/bin/strace\n"
            "    0.000040 strace(7064) makes process 7177: PTRACE_EVENT_FORK\n"
            "    0.000050 strace(7177) executes /tmp/app: /tmp/app\n"
            "    0.000060 strace(7064) <- app(7177): SIGTRAP (SI_KERNEL)\n"
            "    0.000070 strace(7064) ptrace(PTRACE_CONT, app(7177), 0x1, SIGUSR1) = -1 ESRCH\n");
}

TEST_F(VerboseLogTest, NothingUnprintableIsPrinted) {
  Exec(kTracer, "/tmp/\x1b[31m\xff\n");
  EXPECT_EQ(Written().find_first_of("\x1b\xff"), std::string::npos);
}

// --- lines.

TEST(LineWriter, AFullDiskIsToldOnce) {
  std::vector<int> errors;
  LineWriter writer(UniqueFd(open("/dev/full", O_WRONLY | O_CLOEXEC)),
                    [&](int error) { errors.push_back(error); });
  writer.Write("one\n");
  writer.Write("two\n");
  EXPECT_EQ(errors, std::vector<int>{ENOSPC});
}

TEST(LineWriter, EachLineIsThereAtOnce) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reader(ends[0]);
  LineWriter writer(UniqueFd(ends[1]), [](int error) { FAIL() << error; });
  char text[16] = {};
  for (const char* line : {"one\n", "two\n"}) {
    writer.Write(line);
    EXPECT_EQ(read(reader.get(), text, sizeof(text)), 4);
    EXPECT_STREQ(text, line);
  }
}

// --- what /proc tells.

// A child that executes `argv` and is stopped then.
class StoppedProgram {
 public:
  explicit StoppedProgram(std::vector<std::string> argv) {
    pid_ = fork();
    if (pid_ == 0) {
      std::vector<char*> words;
      for (std::string& word : argv) words.push_back(word.data());
      words.push_back(nullptr);
      execv(words[0], words.data());
      _exit(127);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, WUNTRACED), pid_);
    EXPECT_TRUE(WIFSTOPPED(status)) << status;
  }
  ~StoppedProgram() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Tid tid() const { return Tid{pid_}; }

 private:
  pid_t pid_;
};

TEST(LinuxLogSource, ReadsProgramAndArguments) {
  absl::StatusOr<LinuxLogSource> source = LinuxLogSource::Open();
  ASSERT_TRUE(source.ok()) << source.status();
  const std::vector<std::string> argv = {"/bin/sh", "-c", "kill -STOP $$; :", "\xff", ""};
  const StoppedProgram program(argv);
  const ProgramImage image = source->Image(program.tid());
  EXPECT_EQ(image.argv, argv);
  EXPECT_FALSE(image.cut);
  struct stat named, real;
  ASSERT_EQ(stat(image.path.c_str(), &named), 0) << image.path;
  ASSERT_EQ(stat("/bin/sh", &real), 0);
  EXPECT_EQ(named.st_ino, real.st_ino);
}

TEST(LinuxLogSource, LongArgumentsAreCut) {
  absl::StatusOr<LinuxLogSource> source = LinuxLogSource::Open();
  ASSERT_TRUE(source.ok()) << source.status();
  const StoppedProgram program({"/bin/sh", "-c", "kill -STOP $$; :", std::string(10000, 'x')});
  const ProgramImage image = source->Image(program.tid());
  EXPECT_TRUE(image.cut);
  ASSERT_EQ(image.argv.size(), 4u);
  EXPECT_LT(image.argv[3].size(), 4096u);
}

TEST(LinuxLogSource, OfTheDeadNothingIsKnown) {
  absl::StatusOr<LinuxLogSource> source = LinuxLogSource::Open();
  ASSERT_TRUE(source.ok()) << source.status();
  const ProgramImage image = source->Image(Tid{});
  EXPECT_EQ(image.path, "");
  EXPECT_TRUE(image.argv.empty());
}

}  // namespace
}  // namespace nestrace
