#!/bin/bash
# fail_write_test.sh FAIL_WRITE JOURNAL
#
# Makes the third write of a program fail while gdb, then strace, then strace with gdb under it look on.

set -u
fail_write=$(realpath "$1")
journal=$(realpath "$2")
cd "$(mktemp -d "${TEST_TMPDIR:-/tmp}/fail-write.XXXXXX")"
failed=0
check() {
  if [[ $2 == "$3" ]]; then
    echo "$1: $2"
  else
    echo "$1: $2, but should be $3"
    failed=1
  fi
}
fail() { "$fail_write" --program=journal --nth=3 "$@"; }
lines() { grep -o '[0-9]$' "$1" | xargs; }

"$journal" native.out
check "lost without it" "$?" 0
check "written without it" "$(lines native.out)" "1 2 3 4 5"

fail -- "$journal" plain.out 2>plain.err
check "lost" "$?" 1
check "what the program said" "$(<plain.err)" "record 3: No space left on device"
check "written" "$(lines plain.out)" "1 2 4 5"

fail --error=5 -- "$journal" eio.out 2>eio.err
check "another errno" "$(<eio.err)" "record 3: Input/output error"

gdb_session=(gdb -nx -q -batch -ex 'break on_lost' -ex 'run gdb.out' -ex 'backtrace' -ex 'continue' "$journal")
fail -- "${gdb_session[@]}" >gdb.log 2>&1
check "gdb stops where the error is handled" "$(grep -c '^#0 *on_lost (record=3, error=28)' gdb.log)" 1
check "gdb's second frame" "$(grep -c '^#1 .*append (fd=[0-9]*, record=3)' gdb.log)" 1
check "end gdb reports" "$(grep -o 'exited with code 01' gdb.log)" "exited with code 01"
check "written under gdb" "$(lines gdb.out)" "1 2 4 5"

fail -- strace -o strace.log -e trace=write "$journal" strace.out 2>/dev/null
check "strace shows the error as the kernel's" \
  "$(grep -o '"record 3\\n", 9) .*' strace.log | tr -s ' ')" '"record 3\n", 9) = -1 ENOSPC (No space left on device)'
check "writes strace saw" "$(grep -c 'write(3, "record' strace.log)" 5

fail -- strace -ff -o both.log -e trace=write "${gdb_session[@]/gdb.out/both.out}" >both.gdb 2>&1
check "gdb under strace stops too" "$(grep -c '^#0 *on_lost (record=3, error=28)' both.gdb)" 1
check "and strace sees the error" "$(cat both.log.* | grep -c '"record 3\\n", 9) *= -1 ENOSPC')" 1

fail -- 2>usage.err
check "no command" "$?: $(<usage.err)" "125: fail_write: Command::argv is empty: no program to start"

((failed)) && tail -n +1 ./*.log* ./*.err ./*.gdb
exit "$failed"
