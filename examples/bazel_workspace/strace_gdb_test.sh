#!/bin/bash
# The same while strace traces both gdb and the program. Fails without nestrace.

log=$TEST_TMPDIR/strace.log
strace -f -o "$log" -e trace=ptrace,write ./gdb_test.sh || exit
grep -q 'ptrace(PTRACE_CONT' "$log" && grep -q 'write(1, "49\\n", 3)  *= 3' "$log"
