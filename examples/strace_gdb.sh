#!/bin/bash
# strace_gdb.sh [NESTRACE]
#
# gdb stops each thread of a program at a breakpoint, while strace traces them both: gdb and the program. Every
# thread has two tracers then. Checks that neither missed anything.

. "$(dirname "$0")/lib.sh"

cc -g -pthread -o workers "$examples/workers.c"
cat >gdb.commands <<'END'
break report
commands
  silent
  printf "gdb: worker %d\n", worker
  continue
end
run > program.out
END

run gdb strace -f -o strace.log -e trace=execve,ptrace,clone3,write,exit_group \
  gdb -nx -q -batch -x gdb.commands ./workers

# What strace saw of the program: the lines of its process, found by its execve, and of the threads it made.
program=$(awk '/execve\("[^"]*\/workers"/ { print $1; exit }' strace.log)

check "lines the program wrote" "$(sort program.out | xargs)" "worker 0 worker 1 worker 2 worker 3"
check "breakpoints gdb reported" "$(grep -c '^gdb: worker' gdb.log)" 4
check "end gdb reported" "$(grep -o 'exited normally' gdb.log)" "exited normally"
# A clone3 that gdb's SIGSTOP interrupts makes no thread, and is made again (ERESTARTNOINTR).
check "threads strace saw the program make" "$(grep -c "^$program .*clone3.* = [1-9][0-9]*$" strace.log)" 4
check "lines strace saw the program write" \
  "$(grep -o 'write(1, "worker [0-9]' strace.log | cut -d'"' -f2 | sort | xargs)" \
  "worker 0 worker 1 worker 2 worker 3"
check "threads strace saw, of gdb and the program, without exactly one end" \
  "$(awk '{ ends[$1] += / \+\+\+ (exited|killed)/ } END { for (t in ends) n += ends[t] != 1; print n + 0 }' strace.log)" 0
echo "requests strace saw gdb make:"
grep -o 'ptrace(PTRACE_[A-Z]*' strace.log | sort | uniq -c | sort -rn | head -5
finish gdb.log strace.log
