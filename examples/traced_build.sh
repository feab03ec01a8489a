#!/bin/bash
# traced_build.sh [NESTRACE]
#
# strace traces a parallel make, in which each compiler runs under an strace of its own: the first sees the whole
# build, the others tell which files each object is made from. Checks that both saw the same of each compiler.

. "$(dirname "$0")/lib.sh"

cp -rL "$examples/build" .
mkdir outer inner
export INNER=$PWD/inner

# -ff: one log for each process, log.PID.
run make strace -ff -o outer/log -e trace=execve,openat,exit_group make -s -j2 -C build CC=./traced_cc

check "the program that was built says" "$(build/area 2>&1)" "12 square metres"

# Both logs of each program that a compiler driver ran, cc1, as, collect2 and ld, are to be the same, to the byte.
# (The driver itself was begun by the inner strace, so that the outer one saw more of it.)
compared=0
: >differences
for program in cc1 as collect2 ld; do
  for log in $(grep -lE "^execve\(\"[^\"]*/$program\".* = 0" inner/*); do
    diff "$log" "outer/log.${log##*.}" >>differences 2>&1 || true
    compared=$((compared + 1))
  done
done
check "programs that compiled and linked" "$compared" 8
check "lines of differences between the two logs of each" "$(wc -l <differences)" 0

# What each compiler read of the project: all that it opened and that is not named by an absolute path.
for log in $(grep -lE '^execve\("[^"]*/cc1".* = 0' inner/*); do
  sed -nE 's/^openat\(AT_FDCWD, "([^"/][^"]*\.[ch])".* = [0-9]+$/\1/p' "$log" | sort -u | xargs
done | sort >sources
check "sources of each object" "$(paste -sd ';' sources)" "area.c area.h;area.h main.c print.h;print.c print.h"
finish make.log differences sources inner/*
