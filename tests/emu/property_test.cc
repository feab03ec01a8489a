// Random worlds of guests, each from one seed. See world.h for what must hold in all of them.

#include <tuple>

#include "tests/emu/world.h"

namespace nestrace {
namespace {

constexpr int kSeedsOfATest = 50;

// Which seeds, and whether tracers may stack.
class PropertyTest : public ::testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(PropertyTest, WhateverHappensNothingIsForgottenLostOrDoneTwice) {
  const auto [block, nesting] = GetParam();
  for (int seed = block * kSeedsOfATest; seed < (block + 1) * kSeedsOfATest; ++seed) {
    World world(seed, nesting);
    for (int i = 0; i < 4 && world.complaints().empty(); ++i) {
      world.Run(500);
      world.Drain();
    }
    world.End();
    ASSERT_THAT(world.complaints(), ::testing::IsEmpty()) << "seed " << seed << "\n" << world.Story();
  }
}

INSTANTIATE_TEST_SUITE_P(OneTracer, PropertyTest,
                         ::testing::Combine(::testing::Range(0, 40), ::testing::Values(false)));
INSTANTIATE_TEST_SUITE_P(Stacked, PropertyTest,
                         ::testing::Combine(::testing::Range(0, 40), ::testing::Values(true)));

}  // namespace
}  // namespace nestrace
