// Random worlds of guests, each from one seed. See world.h for what must hold in all of them.

#include <tuple>

#include "tests/emu/world.h"

namespace nestrace {
namespace {

constexpr int kSeedsOfATest = 50;

// Which seeds, whether tracers may stack, and whether answers get lost.
class PropertyTest : public ::testing::TestWithParam<std::tuple<int, bool, bool>> {};

TEST_P(PropertyTest, WhateverHappensNothingIsForgottenLostOrDoneTwice) {
  const auto [block, nesting, losing] = GetParam();
  for (int seed = block * kSeedsOfATest; seed < (block + 1) * kSeedsOfATest; ++seed) {
    World world(seed, nesting, losing);
    for (int i = 0; i < 4 && world.complaints().empty(); ++i) {
      world.Run(500);
      world.Drain();
    }
    world.End();
    ASSERT_THAT(world.complaints(), ::testing::IsEmpty()) << "seed " << seed << "\n" << world.Story();
  }
}

using ::testing::Combine;
using ::testing::Range;
using ::testing::Values;

INSTANTIATE_TEST_SUITE_P(OneTracer, PropertyTest, Combine(Range(0, 30), Values(false), Values(false)));
INSTANTIATE_TEST_SUITE_P(Stacked, PropertyTest, Combine(Range(0, 30), Values(true), Values(false)));
INSTANTIATE_TEST_SUITE_P(Losing, PropertyTest, Combine(Range(0, 10), Values(false), Values(true)));

}  // namespace
}  // namespace nestrace
