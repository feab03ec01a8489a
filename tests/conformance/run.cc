#include "run.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

constexpr int kExitNoExec = 126;  // the program could not be started

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "compare: %s: %s\n", what, std::strerror(errno));
  std::exit(2);
}

// ---- The process tree ------------------------------------------------------------------------------

// Parent of every process that /proc shows.
std::map<pid_t, pid_t> ParentsOfAllProcesses() {
  std::map<pid_t, pid_t> parents;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) Die("/proc");
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    std::FILE* stat = std::fopen(("/proc/" + std::string(entry->d_name) + "/stat").c_str(), "re");
    if (stat == nullptr) continue;
    char line[1024] = {};
    if (std::fgets(line, sizeof line, stat) != nullptr) {
      // The command may contain anything, so the fields are counted from its last parenthesis.
      const char* close = std::strrchr(line, ')');
      int parent = 0;
      if (close != nullptr && std::sscanf(close, ") %*c %d", &parent) == 1) parents[pid] = parent;
    }
    std::fclose(stat);
  }
  closedir(proc);
  return parents;
}

std::vector<pid_t> Descendants() {
  const std::map<pid_t, pid_t> parents = ParentsOfAllProcesses();
  std::vector<pid_t> found;
  for (const auto& [pid, parent] : parents) {
    pid_t ancestor = parent;
    // A chain is never longer than the table, whatever races it was read under.
    for (size_t steps = 0; steps < parents.size() && ancestor > 1; ++steps) {
      if (ancestor == getpid()) {
        found.push_back(pid);
        break;
      }
      const auto next = parents.find(ancestor);
      ancestor = next == parents.end() ? 0 : next->second;
    }
  }
  return found;
}

// Kills and reaps until no descendant is left.
void KillTree() {
  for (;;) {
    for (const pid_t pid : Descendants()) kill(pid, SIGKILL);
    pid_t reaped;
    while ((reaped = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0) {
    }
    if (reaped == -1 && errno == ECHILD) return;
    poll(nullptr, 0, 1);
  }
}

// ---- One run ---------------------------------------------------------------------------------------

// Under nestrace the guest is a child of the process that was started here, so it leads neither its session
// nor its process group; natively it is one too, for the two transcripts to be comparable.
void LeadFromAnotherProcess() {
  const pid_t guest = fork();
  if (guest == -1) Die("fork");
  if (guest == 0) return;
  close_range(0, ~0U, 0);
  int status;
  while (waitpid(guest, &status, 0) == -1 && errno == EINTR) {
  }
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  raise(WTERMSIG(status));
  _exit(kExitNoExec);
}

[[noreturn]] void ExecProgram(const std::vector<std::string>& command, bool natively, int output) {
  setsid();
  if (natively) LeadFromAnotherProcess();
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  close_range(3, ~0U, 0);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());  // not execvp(3), which would give a program that is refused to the shell
  dprintf(STDERR_FILENO, "compare: cannot execute %s: %s\n", argv[0], std::strerror(errno));
  // A kernel without CONFIG_IA32_EMULATION, or with ia32_emulation=off, runs no 32-bit programs.
  _exit(natively && errno == ENOEXEC ? kExitSkip : kExitNoExec);
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t got; (got = pread(fd, buffer, sizeof buffer, at)) > 0; at += got) {
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

void AdoptOrphans() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1) Die("PR_SET_CHILD_SUBREAPER");
}

// A file takes the output, not a pipe: a process that the guest left behind cannot hold it open.
Outcome Run(const std::vector<std::string>& command, bool natively, int deadline_seconds) {
  const int output = memfd_create("transcript", MFD_CLOEXEC);
  if (output == -1) Die("memfd_create");
  const pid_t pid = fork();
  if (pid == -1) Die("fork");
  if (pid == 0) ExecProgram(command, natively, output);

  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd == -1) Die("pidfd_open");
  pollfd ended = {pidfd, POLLIN, 0};
  int ready;
  do {
    ready = poll(&ended, 1, deadline_seconds * 1000);
  } while (ready == -1 && errno == EINTR);
  close(pidfd);

  Outcome outcome;
  if (ready == 0) {
    outcome.end = "deadline of " + std::to_string(deadline_seconds) + " s passed";
  } else {
    int status = 0;
    if (waitpid(pid, &status, __WALL) != pid) Die("waitpid");
    if (WIFEXITED(status)) {
      outcome.exit_code = WEXITSTATUS(status);
      outcome.end = "exit " + std::to_string(outcome.exit_code);
    } else {
      outcome.end = std::string("killed by ") + strsignal(WTERMSIG(status));
    }
  }
  KillTree();
  outcome.transcript = ReadAll(output);
  close(output);
  return outcome;
}

// ---- The difference --------------------------------------------------------------------------------

namespace {

std::vector<std::string> Lines(const Outcome& outcome) {
  std::vector<std::string> lines;
  size_t start = 0;
  const std::string& text = outcome.transcript;
  while (start < text.size()) {
    const size_t end = text.find('\n', start);
    if (end == std::string::npos) {
      lines.push_back(text.substr(start) + " [no newline]");
      break;
    }
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  lines.push_back("[" + outcome.end + "]");
  return lines;
}

struct Edit {
  char mark;  // ' ', '-' or '+'
  const std::string* line;
};

// Longest common subsequence; transcripts are short.
std::vector<Edit> Edits(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<Edit> edits;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      edits.push_back({' ', &a[i]});
      ++i;
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      edits.push_back({'-', &a[i++]});
    } else {
      edits.push_back({'+', &b[j++]});
    }
  }
  return edits;
}

// A line of `nestrace --verbose`: seconds, with six digits behind the point.
bool IsEvent(const std::string& line) {
  const size_t first = line.find_first_not_of(' ');
  const size_t point = line.find_first_not_of("0123456789", first);
  return first > 0 && point != std::string::npos && line[point] == '.' &&
         line.find_first_not_of("0123456789", point + 1) == point + 7 && line[point + 7] == ' ';
}

}  // namespace

void PrintDiff(const char* name_a, const Outcome& a, const char* name_b, const Outcome& b) {
  constexpr size_t kContext = 5;
  const std::vector<std::string> lines_a = Lines(a);
  const std::vector<std::string> lines_b = Lines(b);
  const std::vector<Edit> edits = Edits(lines_a, lines_b);
  std::set<size_t> shown;
  for (size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].mark == ' ') continue;
    for (size_t j = i < kContext ? 0 : i - kContext; j <= i + kContext && j < edits.size(); ++j) {
      shown.insert(j);
    }
  }
  std::printf("--- %s\n+++ %s\n", name_a, name_b);
  size_t line_a = 1;
  size_t line_b = 1;
  bool in_hunk = false;
  for (size_t i = 0; i < edits.size(); ++i) {
    if (shown.count(i) == 0) {
      in_hunk = false;
    } else {
      if (!in_hunk) std::printf("@@ -%zu +%zu @@\n", line_a, line_b);
      in_hunk = true;
      std::printf("%c%s\n", edits[i].mark, edits[i].line->c_str());
    }
    if (edits[i].mark != '+') ++line_a;
    if (edits[i].mark != '-') ++line_b;
  }
}

bool Same(const Outcome& a, const Outcome& b) { return a.transcript == b.transcript && a.end == b.end; }

void Explain(const Outcome& verbose, const Outcome& native) {
  constexpr size_t kBefore = 40, kBehind = 10;
  const std::vector<std::string> told = Lines(verbose);
  const std::vector<std::string> expected = Lines(native);
  size_t same = 0;
  size_t at = 0;
  for (; at < told.size(); ++at) {
    if (IsEvent(told[at])) continue;
    if (same == expected.size() || told[at] != expected[same]) break;
    ++same;
  }
  if (at == told.size()) {
    std::printf("A run with --verbose did not differ.\n");
    return;
  }
  std::printf("What nestrace --verbose tells of another run, \"| \" before the transcript:\n");
  if (at > kBefore) std::printf("  ... (%zu lines)\n", at - kBefore);
  for (size_t i = at > kBefore ? at - kBefore : 0; i < told.size() && i <= at + kBehind; ++i) {
    std::printf("%s%s%s\n", IsEvent(told[i]) ? "  " : "| ", told[i].c_str(),
                i == at ? "    <--- differs from the native transcript here" : "");
  }
}
