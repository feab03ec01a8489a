// Where a call has its arguments, and tables of calls.

#ifndef NESTRACE_EMU_ARGUMENTS_H_
#define NESTRACE_EMU_ARGUMENTS_H_

#include <string.h>
#include <sys/user.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "emu/abi.h"
#include "emu/types.h"

namespace nestrace {

// The register at this offset in the USER area, which begins with them.
inline uint64_t RegisterAt(const struct user_regs_struct& regs, uint64_t where) {
  uint64_t value = 0;
  memcpy(&value, reinterpret_cast<const char*>(&regs) + where, sizeof(value));
  return value;
}

inline void PutRegister(struct user_regs_struct* regs, uint64_t where, uint64_t value) {
  memcpy(reinterpret_cast<char*>(regs) + where, &value, sizeof(value));
}

// The arguments of a call: offsets in the USER area.
inline constexpr uint64_t kArguments64[] = {kUserRdi, kUserRsi, kUserRdx, kUserR10, kUserR8, kUserR9};
inline constexpr uint64_t kArguments32[] = {kUserRbx, kUserRcx, kUserRdx, kUserRsi, kUserRdi, kUserRbp};

inline uint64_t PlaceOfArgument(Abi abi, int number) {
  return abi == Abi::kX86_64 ? kArguments64[number] : kArguments32[number];
}

// The row of a table, whose rows have `nr` and `nr32` (-1: none), for a call. Null: it has none.
template <typename Row, size_t kSize>
const Row* RowOf(const Row (&table)[kSize], Abi abi, int64_t nr) {
  const auto row = std::find_if(std::begin(table), std::end(table), [&](const Row& row) {
    return nr >= 0 && nr == (abi == Abi::kX86_64 ? row.nr : row.nr32);
  });
  return row == std::end(table) ? nullptr : row;
}

}  // namespace nestrace

#endif  // NESTRACE_EMU_ARGUMENTS_H_
