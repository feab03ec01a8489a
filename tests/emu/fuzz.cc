// The fuzzer of the model: short random scenes (scene.h), each from one seed.
//
//   bazel run //tests/emu:fuzz -- --seconds=60 [--seed=N]
//   bazel run //tests/emu:fuzz -- --seed=N --count=1
//
// Prints how many scenes there were, and the rate. If something was wrong in one, shortens its script to what
// is needed for that, tells it, and exits with 1.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <limits>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "tests/emu/scene.h"

ABSL_FLAG(uint64_t, seed, 1, "the first seed; the others follow it");
ABSL_FLAG(double, seconds, 60, "how long to run");
ABSL_FLAG(uint64_t, count, std::numeric_limits<uint64_t>::max(), "how many scenes at most");
ABSL_FLAG(uint64_t, kinds, 1, "stops when there are complaints of so many kinds");

namespace nestrace {
namespace {

void Tell(uint64_t seed, const Script& failed) {
  const Script shortened = Shorten(failed);
  std::cout << "seed " << seed << ": " << failed.complaint << "\n"
            << "in " << shortened.steps.size() << " of " << failed.steps.size() << " steps:\n"
            << Rehearse(shortened.steps, true).story;
}

// The exit status.
int Fuzz(uint64_t seed, double seconds, uint64_t count, uint64_t kinds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto passed = [&start] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  uint64_t scenes = 0, steps = 0, failures = 0;
  std::vector<std::pair<uint64_t, Script>> failed;  // the first of each kind
  for (; scenes < count && failed.size() < kinds && passed() < seconds; ++scenes) {
    Script script = Improvise(seed + scenes);
    steps += script.steps.size();
    if (script.complaint.empty()) continue;
    ++failures;
    const bool known = std::any_of(failed.begin(), failed.end(), [&script](const auto& other) {
      return SameKind(other.second.complaint, script.complaint);
    });
    if (!known) failed.emplace_back(seed + scenes, std::move(script));
  }
  const double time = passed();
  for (const auto& [which, script] : failed) Tell(which, script);
  std::cout << scenes << " sequences, " << steps << " steps, " << static_cast<uint64_t>(scenes * 60 / time)
            << " sequences a minute, " << failures << " failures\n";
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace nestrace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Performs random scenes of tracers until one goes wrong.");
  absl::ParseCommandLine(argc, argv);
  return nestrace::Fuzz(absl::GetFlag(FLAGS_seed), absl::GetFlag(FLAGS_seconds), absl::GetFlag(FLAGS_count),
                        absl::GetFlag(FLAGS_kinds));
}
