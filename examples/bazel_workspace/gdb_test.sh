#!/bin/bash
# gdb stops a program at a breakpoint and shows an argument.

log=$(gdb -nx -q -batch -ex 'break square' -ex run -ex continue ./square 2>&1)
printf '%s\n' "$log"
grep -q '^Breakpoint 1, square (x=7)' <<<"$log" &&
  grep -qx 49 <<<"$log" &&
  grep -q 'exited normally' <<<"$log"
