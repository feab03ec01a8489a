#!/bin/bash
# hide_files_test.sh HIDE_FILES FILE_CALLS_GUEST
#
# What is not hidden works as without hide_files, and debuggers inside see what is.

set -u
hide_files=$(realpath "$1") guest=$(realpath "$2")
top=$(mktemp -d "${TEST_TMPDIR:-/tmp}/hide-files.XXXXXX")
mkdir "$top"/{secret,native,inside,work}
echo xyzzy >"$top/secret/word"
failed=0
check() {
  if [[ $2 == "$3" ]]; then
    echo "$1: $2"
  else
    echo "$1: $2, but should be $3"
    failed=1
  fi
}
hidden() { "$hide_files" --hide="$top/secret" --log="$top/log" -- "$@"; }

# The same calls natively and inside. The directories have names of one length, which show.
mv "$top/native" "$top/here"
(cd "$top/here" && "$guest" </dev/null >"$top/native.out" 2>&1)
mv "$top/here" "$top/native"
mv "$top/inside" "$top/here"
(cd "$top/here" && hidden "$guest" </dev/null >"$top/inside.out" 2>&1)
check "calls compared" "$(($(grep -c ' = ' "$top/native.out") > 150))" 1
diff "$top/native.out" "$top/inside.out" >"$top/diff"
check "lines that differ" "$(grep -c '^[<>]' "$top/diff")" 0
cat "$top/diff"

cd "$top/work"
# Ordinary work.
cat >work.sh <<'END'
set -e
mkdir -p a/b && echo text >a/b/file && cp -r a c && mv c/b c/d && ln -s d/file c/link && ln c/d/file c/hard
cat c/link c/hard && find . -name 'f*' | sort && tar cf - a | tar tf - && rm -r a && touch -d @1000 c/d/file
stat -c '%Y %h' c/d/file && sed -i s/text/other/ c/hard && cat < <(cat c/hard) && [ -t 0 ] || true
head -c 3 /dev/zero | wc -c && echo done >>/dev/stderr
END
bash work.sh </dev/null >../work.native 2>&1
rm -r c
hidden bash work.sh </dev/null >../work.inside 2>&1
check "work of a shell" "$(cat ../work.inside)" "$(cat ../work.native)"

cat >reader.c <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
static void denied(int error) { puts(strerror(error)); }
int main(int argc, char** argv) {
  if (argc < 2 || open(argv[1], O_RDONLY) < 0) denied(errno);
  return 0;
}
END
hidden cc -g -O0 -o reader reader.c
check "a compiler inside" "$?" 0
cat >landlock.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0) puts(strerror(errno));
  return 0;
}
END
cc -o landlock landlock.c
check "rules that would not hold" "$(hidden ./landlock)" "Operation not supported"
hidden ls "$top/secret" >/dev/null 2>ls.err
check "ls of it" "$(sed 's/.*: //' ls.err)" "No such file or directory"

hidden strace -o strace.log ./reader "$top/secret/word" >reader.out
check "the program under strace" "$(cat reader.out)" "No such file or directory"
check "what strace saw" "$(grep -o 'secret/word", O_RDONLY) .*' strace.log | tr -s ' ')" \
  'secret/word", O_RDONLY) = -1 ENOENT (No such file or directory)'
check "strace saw the libraries opened" "$(grep -c 'libc.so.6", O_RDONLY|O_CLOEXEC) = 3' strace.log)" 1

hidden gdb -nx -q -batch -ex 'break denied' -ex "run $top/secret/word" -ex backtrace -ex 'print error' -ex continue \
  ./reader >gdb.log 2>&1
check "gdb stops where it is denied" "$(grep -c '^Breakpoint 1, denied (error=2)' gdb.log)" 1
check "gdb's second frame" "$(grep -c '^#1 .* in main (argc=2,' gdb.log)" 1
check "the program under gdb" "$(grep -c '^No such file or directory' gdb.log)" 1
check "its end" "$(grep -o 'exited normally' gdb.log)" "exited normally"

hidden strace -ff -o both.log gdb -nx -q -batch -ex 'break denied' -ex "run $top/secret/word" -ex backtrace -ex continue \
  ./reader >both.gdb 2>&1
check "gdb under strace" "$(grep -c '^Breakpoint 1, denied (error=2)' both.gdb)" 1
check "and strace" "$(cat both.log.* | grep -c 'secret/word", O_RDONLY) *= -1 ENOENT')" 1

check "in the log" "$(grep -c "openat $top/secret/word" "$top/log")" 3
"$hide_files" --hide="$top/none" -- true 2>none.err
check "something that is not there" "$?: $(sed 's/.*: open/open/' none.err)" "125: open(\"$top/none\"): No such file or directory"
"$hide_files" --hide=/ -- true 2>none.err
check "the root" "$?: $(cat none.err)" "125: hide_files: the root can't be hidden"
((failed)) && tail -n 30 gdb.log both.gdb
exit "$failed"
