// The fuzzer's scenes, of a fixed number of seeds. See scene.h; //tests/emu:fuzz runs others.

#include "tests/emu/scene.h"

namespace nestrace {
namespace {

constexpr int kShards = 8;
constexpr uint64_t kSeedsOfAShard = 1000;

class FuzzTest : public ::testing::TestWithParam<int> {};

TEST_P(FuzzTest, EveryTracerGetsWhatItIsOwedOnce) {
  for (uint64_t i = 1; i <= kSeedsOfAShard; ++i) {
    const uint64_t seed = GetParam() * kSeedsOfAShard + i;
    const Script script = Improvise(seed);
    ASSERT_EQ(script.complaint, "") << "seed " << seed << "\n" << Rehearse(Shorten(script).steps, true).story;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FuzzTest, ::testing::Range(0, kShards));

// A script is the same when it is performed again, and any part of it is a script.
TEST(SceneTest, ScriptsCanBeRepeatedAndCut) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Script script = Improvise(seed);
    EXPECT_EQ(Rehearse(script.steps).steps.size(), script.steps.size()) << "seed " << seed;
    std::vector<Step> half;
    for (size_t i = 0; i < script.steps.size(); i += 2) half.push_back(script.steps[i]);
    EXPECT_EQ(Rehearse(half).complaint, "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace nestrace
