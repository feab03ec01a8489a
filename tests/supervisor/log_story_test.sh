#!/bin/bash
# The logs of the nestrace command: --log against its documented schema and against itself, -v, and files that can't
# be written.
#
# Usage: log_story_test.sh PATH-OF-NESTRACE LOG.md check_log.py GUEST...

nestrace=$PWD/$1
schema=$PWD/$2
check=$PWD/$3
guests=("${@:4}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# check_log LAW FILE...: the logs fit the schema, and their stories are consistent.
check_log() {
  local law=$1
  shift
  python3 "$check" "$schema" "$@" || fail "$law"
}

# has LAW FILE PATTERN...: for each pattern (of grep -E) there is a line.
has() {
  local law=$1 file=$2 pattern
  shift 2
  for pattern; do
    grep -qE -- "$pattern" "$file" || fail "$law: no line like $pattern"
  done
}

for tool in gdb strace; do
  command -v $tool >/dev/null || { echo "SKIP: this needs $tool" && exit 0; }
done

# --- a session: strace sees gdb and what it debugs.
session=(strace -f -o "$work/strace" gdb -q -nx -batch -ex 'catch syscall write' -ex run -ex continue
  -ex continue --args /bin/echo hello)
"$nestrace" --log="$work/session" -v "${session[@]}" >"$work/out" 2>"$work/err" </dev/null ||
  fail "the session: exit status $?"
check_log "the session" "$work/session"
grep -qx hello "$work/out" || { fail "the session says hello"; cat "$work/out"; }
# What the session is about: both trace echo, strace outside gdb. Of a call of echo's that both trace, gdb sees the
# entry first, strace the exit.
python3 - "$work/session" <<'EOF2' || fail "both tracers of the session"
import json, sys
entries = [json.loads(line) for line in open(sys.argv[1])]
echo = [e["tid"] for e in entries if e["event"] == "exec" and e["path"].endswith("/echo")][0]
gdb = [e["tid"] for e in entries if e["event"] == "exec" and e["path"].endswith("/gdb")][0]
strace = [e["tracer"] for e in entries if e["event"] == "attach" and e["tracee"] == gdb][0]
inner = [e for e in entries if e["event"] == "attach" and (e["tracer"], e["tracee"]) == (gdb, echo)]
assert [(e["how"], e["outer"], e["inner"]) for e in inner] == [("traceme", 1, 0)], inner
told = []
for e in entries:
    if e["event"] == "stop" and e["tid"] == echo:
        told.append([])
    if e["event"] == "report" and e["tracee"] == echo and e["meaning"] == "SIGTRAP|0x80":
        told[-1].append(e["tracer"])
assert [gdb, strace] in told and [strace, gdb] in told, told
EOF2

# --- the same for people, with the same events.
# (gdb writes there too, and not whole lines.)
[ "$(grep -oE ' +[0-9]+\.[0-9]{6} ' "$work/err" | wc -l)" = "$(wc -l <"$work/session")" ] ||
  fail "-v has as many lines as --log"
has "-v" "$work/err" '^    0\.[0-9]{6} nestrace\([0-9]+\) starts strace -f .* --args /bin/echo hello$' \
  'gdb\([0-9]+\) executes /.*sh: ' 'strace\([0-9]+\) <- echo\([0-9]+\): SIGTRAP\|0x80$' \
  'gdb\([0-9]+\) <- echo\([0-9]+\): SIGTRAP \(SI_USER\)$' 'gdb\([0-9]+\) takes echo\([0-9]+\): SIGTRAP\|0x80$' \
  'gdb\([0-9]+\) ptrace\(PTRACE_SETOPTIONS, echo\([0-9]+\), 0x0, PTRACE_O_TRACESYSGOOD.*\) = 0$' \
  'echo\([0-9]+\) runs: PTRACE_SYSCALL$' 'echo\([0-9]+\) ends: exited, 0$' 'the end: exited with 0$'
[ "$("$nestrace" --verbose sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ] || fail "--verbose is on stderr only"

# --- a checker that finds nothing would be no check.
for event in birth exit attach detach report stop; do
  line=$(grep -nm 1 "\"event\":\"$event\"" "$work/session" | cut -d: -f1)
  sed "${line}d" "$work/session" >"$work/less"
  python3 "$check" "$schema" "$work/less" >/dev/null && fail "a missing $event is not noticed"
done
sed 's/"event":"exit",/&"more":1,/' "$work/session" >"$work/more"
python3 "$check" "$schema" "$work/more" >/dev/null && fail "an undocumented field is not noticed"

# --- guests with the rarer events.
for guest in "${guests[@]}"; do
  timeout -k 5 60 "$nestrace" --log="$work/${guest##*/}" "$guest" >"$work/out" 2>&1 ||
    { fail "$guest: exit status $?"; cat "$work/out"; }
  check_log "$guest" "$work/${guest##*/}"
done
cat "$work"/*_guest >"$work/guests"
for event in birth exec exit reaped stop report taken resume kick signal attach detach request wait; do
  has "of all guests" "$work/guests" "\"event\":\"$event\""
done
has "of all guests" "$work/guests" '"road":"needs-stop"|"road":"registers"' '"road":"kernel"' '"road":"parked"' \
  '"why":"detach"' '"why":"tracer-gone"' '"why":"tracee-gone"' '"why":"parent"' '"how":"inherited"' '"how":"attach"' \
  '"left":true' '"request":"PTRACE_LISTEN","signal":"0"' '"meaning":"continued"'

# --- the file.
"$nestrace" --log="$work/bytes" true $'\xff\xfe' "$(printf '%05000d' 0)" $'a\nb' || fail "bytes: exit status $?"
check_log "bytes that are not UTF-8" "$work/bytes"
has "long arguments" "$work/bytes" '"event":"exec".*"cut":true'
"$nestrace" --log="$work/bytes" true
[ "$(grep -c '"event":"start"' "$work/bytes")" = 2 ] || fail "a log is appended to"

"$nestrace" --log="$work/none/log" touch "$work/touched" 2>"$work/err"
[ $? = 125 ] || fail "no directory: exit status"
[ "$(cat "$work/err")" = "nestrace: --log=$work/none/log: No such file or directory" ] ||
  { fail "no directory: message"; cat "$work/err"; }
[ -e "$work/touched" ] && fail "PROGRAM runs though its log can't be opened"

"$nestrace" --log=/dev/full sh -c 'true; exit 7' 2>"$work/err"
[ $? = 7 ] || fail "full disk: exit status"
[ "$(cat "$work/err")" = "nestrace: --log=/dev/full: No space left on device; the log ends here" ] ||
  { fail "full disk: message"; cat "$work/err"; }
"$nestrace" -v true 2>/dev/full || fail "-v to a full disk: exit status $?"
"$nestrace" -v true 2>&- || fail "-v to nowhere: exit status $?"

"$nestrace" --log="$work/fds" -v sh -c 'ls -l /proc/$$/fd' >"$work/out" 2>/dev/null
grep -q "$work/fds" "$work/out" && fail "PROGRAM has the log's descriptor"
[ "$(grep -c -- ' -> ' "$work/out")" = 3 ] || { fail "PROGRAM has more descriptors"; cat "$work/out"; }

# --- a killed nestrace has lost no line.
mkfifo "$work/running"
"$nestrace" --log="$work/killed" sh -c "echo >'$work/running'; exec sleep 3600" &
pid=$!
read -r <"$work/running"
kill -KILL $pid
wait $pid 2>/dev/null
python3 "$check" --unfinished "$schema" "$work/killed" || fail "the log of a killed nestrace"
has "the log of a killed nestrace" "$work/killed" '"event":"exec".*"path":"/.*sh"'

echo "$failures failures"
[ $failures = 0 ]
