#include "supervisor/thread_status.h"

#include <stdlib.h>

#include <algorithm>

namespace nestrace {
namespace {

using absl::string_view;

// Takes the first number off `text`; nothing if there is none.
std::optional<uint64_t> TakeNumber(string_view* text, int base) {
  while (!text->empty() && (text->front() == ' ' || text->front() == '\t')) text->remove_prefix(1);
  const bool negative = !text->empty() && text->front() == '-';
  if (negative) text->remove_prefix(1);
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < text->size(); ++digits) {
    const char c = (*text)[digits];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : base;
    if (digit >= base) break;
    value = value * base + digit;
  }
  if (digits == 0) return std::nullopt;
  text->remove_prefix(digits);
  return negative ? -value : value;
}

template <typename T>
void TakeNumbers(string_view text, T (&out)[4]) {
  for (T& number : out) number = static_cast<T>(TakeNumber(&text, 10).value_or(0));
}

std::vector<pid_t> AllNumbers(string_view text) {
  std::vector<pid_t> numbers;
  while (std::optional<uint64_t> number = TakeNumber(&text, 10))
    numbers.push_back(static_cast<pid_t>(*number));
  return numbers;
}

// Calls visit(name, rest) for each line "name:rest" until it returns false.
template <typename Visitor>
void ForEachLine(string_view text, Visitor visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t colon = line.find(':');
    if (colon == string_view::npos) continue;
    if (!visit(line.substr(0, colon), line.substr(colon + 1))) return;
  }
}

}  // namespace

std::optional<ThreadStatus> ParseThreadStatus(string_view text) {
  ThreadStatus status;
  ForEachLine(text, [&status](string_view name, string_view rest) {
    const auto decimal = [&rest] { return static_cast<pid_t>(TakeNumber(&rest, 10).value_or(0)); };
    const auto mask = [&rest] { return TakeNumber(&rest, 16).value_or(0); };
    if (name == "State") {
      status.zombie = rest.find('Z') != string_view::npos;  // "Z (zombie)"
    } else if (name == "Tgid") {
      status.tgid = decimal();
    } else if (name == "PPid") {
      status.ppid = decimal();
    } else if (name == "TracerPid") {
      status.tracer = decimal();
    } else if (name == "Uid") {
      TakeNumbers(rest, status.uid);
    } else if (name == "Gid") {
      TakeNumbers(rest, status.gid);
    } else if (name == "NSpid") {
      status.nspid = AllNumbers(rest);
    } else if (name == "NStgid") {
      status.nstgid = AllNumbers(rest);
    } else if (name == "NSpgid") {
      status.nspgid = AllNumbers(rest);
    } else if (name == "SigPnd") {
      status.thread_pending = mask();
    } else if (name == "ShdPnd") {
      status.process_pending = mask();
    } else if (name == "SigBlk") {
      status.blocked = mask();
    } else if (name == "SigIgn") {
      status.ignored = mask();
    } else if (name == "SigCgt") {
      status.caught = mask();
    } else if (name == "CapPrm") {
      status.cap_permitted = mask();
    } else if (name == "CapEff") {
      status.cap_effective = mask();
    } else if (name == "Seccomp_filters") {
      status.seccomp_filters = decimal();
    }
    return true;
  });
  if (status.tgid == 0 || status.nspid.empty()) return std::nullopt;
  return status;
}

std::optional<int64_t> FindNumber(string_view text, string_view name, int base) {
  std::optional<int64_t> number;
  ForEachLine(text, [&](string_view line_name, string_view rest) {
    if (line_name != name) return true;
    if (std::optional<uint64_t> value = TakeNumber(&rest, base)) number = static_cast<int64_t>(*value);
    return false;
  });
  return number;
}

std::vector<pid_t> FindNumbers(string_view text, string_view name) {
  std::vector<pid_t> numbers;
  ForEachLine(text, [&](string_view line_name, string_view rest) {
    if (line_name != name) return true;
    numbers = AllNumbers(rest);
    return false;
  });
  return numbers;
}

}  // namespace nestrace
