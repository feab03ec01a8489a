#!/bin/bash
# gdb_test.sh PROGRAM
#
# A test that starts gdb itself. It knows nothing of nestrace. PROGRAM is workers.c, compiled.

log=$(gdb -nx -q -batch -ex 'break report if worker == 2' -ex 'run > /dev/null' -ex 'backtrace 2' -ex 'continue' \
  "$1" 2>&1)
printf '%s\n' "$log"
grep -q '^#0 .*report (worker=2)' <<<"$log" &&
  grep -q '^#1 .*worker_main (argument=0x2)' <<<"$log" &&
  grep -q 'exited normally' <<<"$log"
