#!/bin/bash
# The nestrace command as a shell uses it: exit statuses, what PROGRAM inherits, signals, job control.
# Each check runs natively too where there is something to compare; native has to agree.
#
# Usage: command_line_test.sh PATH-OF-NESTRACE PATH-OF-TRACING_CIRCLE PATH-OF-GROUP_SIGNALS

nestrace=$PWD/$1
circle=$PWD/$2
group_signals=$PWD/$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
user=  # without capabilities
[ "$(id -u)" = 0 ] && user='setpriv --bounding-set=-all --inh-caps=-all --'

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# exits STATUS LAW COMMAND...: its output is left in $work/out.
exits() {
  local want=$1 law=$2 got
  shift 2
  timeout -k 5 60 "$@" >"$work/out" 2>&1
  got=$?
  [ $got = "$want" ] || { fail "$law: exit status $got, not $want"; sed 's/^/    /' "$work/out"; }
}

says() {
  grep -qx "$1" "$work/out" || { fail "says: $1"; sed 's/^/    /' "$work/out"; }
}

# same LAW SCRIPT, in which @ stands for nestrace, or natively for nothing: prints the same natively and under nestrace.
same() {
  timeout -k 5 60 bash -c "${2//@/}" >"$work/native" 2>&1
  timeout -k 5 60 bash -c "${2//@/$nestrace}" >"$work/nested" 2>&1
  cmp -s "$work/native" "$work/nested" || { fail "$1"; diff "$work/native" "$work/nested"; }
}

# --- exit status
exits 0 "success" "$nestrace" true
exits 7 "PROGRAM's exit status" "$nestrace" -- sh -c 'exit 7'
exits 127 "PROGRAM is not there" "$nestrace" no-such-program
says 'nestrace: no-such-program: No such file or directory'
exits 126 "PROGRAM can't be executed" "$nestrace" /
says 'nestrace: /: Permission denied'
exits 125 "bad option" "$nestrace" --bad true
says 'nestrace: unknown option --bad; see nestrace --help'
exits 125 "no PROGRAM" "$nestrace"
exits 0 "--help" "$nestrace" --help
exits 0 "--version" "$nestrace" --version
for signal in HUP INT QUIT ABRT KILL USR1 SEGV TERM; do
  same "dies of the same signal: $signal" "ulimit -c 0; { @ sh -c 'kill -$signal \$\$'; } 2>/dev/null; echo \$?"
done

# --- starting PROGRAM
printf 'echo script $1\n' >"$work/no-interpreter"
chmod +x "$work/no-interpreter"
exits 0 "ENOEXEC goes to /bin/sh" "$nestrace" "$work/no-interpreter" word
says 'script word'
exits 0 "PATH is searched" env PATH="/nowhere:$work:$PATH" "$nestrace" no-interpreter word
says 'script word'
same "mask and ignored signals" 'trap "" USR1 PIPE; @ grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
same "ignored SIGCHLD" 'trap "" CHLD; @ grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
same "descriptors" '@ bash -c "ls /proc/\$\$/fd; :" </dev/null'
same "closed standard descriptors" '@ bash -c "ls /proc/\$\$/fd; :" <&-'
same "umask, directory, limits, niceness" 'umask 027; cd /; ulimit -n 200; nice -n 3 @ sh -c "umask; pwd; ulimit -a; nice"'
same "soft limits" '(ulimit -Sn 5; ulimit -St 50; ulimit -Sf 0; ulimit -Sv 4000000; @ sh -c "ulimit -Sa; ulimit -Ha") | cat'
same "no file may be written" "(ulimit -f 0; $user @ sh -c 'ulimit -Sf; ulimit -Hf') | cat"
exits 0 "the soft limit of file sizes is not that of the log" \
  bash -c "(ulimit -Sf 0; exec '$nestrace' --log='$work/log' true) | cat"
[ -s "$work/log" ] || fail "the log is empty"
exits 125 "too few descriptors" bash -c "ulimit -n 12; exec $user '$nestrace' true"
grep -q 'RLIMIT_NOFILE' "$work/out" || fail "it does not say why"
# With CAP_SYS_RESOURCE the hard limits are not nestrace's either.
if bash -c 'ulimit -t 100; ulimit -Ht unlimited' 2>/dev/null; then
  exits 0 "the hard limit of processor time is not that of the supervisor" bash -c \
    "ulimit -t 100; exec '$nestrace' sh -c 'grep -q \"^Max cpu time *unlimited *unlimited\" /proc/\$PPID/limits; echo \$?; ulimit -t'"
  [ "$(cat "$work/out")" = $'0\n100' ] || fail "its limits are others: $(cat "$work/out")"
fi
same "environment" 'env -i PATH="$PATH" X=1 @ env'
same "SIGPIPE of PROGRAM" '@ yes | head -1'

# --- the end
exits 5 "daemons are waited for" "$nestrace" sh -c "(sleep 0.3; echo late >$work/late) & exit 5"
[ "$(cat "$work/late" 2>/dev/null)" = late ] || fail "a daemon was not waited for"

# --- --leave-nothing. What is left behind are `sleep 3600.5`; waits until there are NUMBER of them.
left() {
  local found
  for _ in $(seq 200); do
    found=$(pgrep -cfx 'sleep 3600.5')
    [ "$found" = "$1" ] && return
    sleep 0.05
  done
  fail "$2: $found processes, not $1"
  pkill -KILL -fx 'sleep 3600.5'
}
# nothing_left STATUS LAW SCRIPT: all are gone when nestrace returns.
nothing_left() {
  exits "$1" "$2" "$nestrace" --leave-nothing -- bash -c "$3"
  [ "$(pgrep -cfx 'sleep 3600.5')" = 0 ] || { fail "$2: something is left"; pkill -KILL -fx 'sleep 3600.5'; }
}
nothing_left 5 "a background process is killed" 'sleep 3600.5 & exit 5'
nothing_left 6 "so is a daemon" '(setsid bash -c "trap \"\" TERM HUP INT; exec sleep 3600.5" &); exit 6'
nothing_left 7 "and one that is stopped" 'sleep 3600.5 & kill -STOP $!; exit 7'
nothing_left 8 "and what is being started" 'for i in {1..50}; do (setsid sleep 3600.5 &) & done; exit 8'
nothing_left 9 "and those that trace one another" "$circle sleep 3600.5; exit 9"
left 0 "--leave-nothing leaves nothing"
bash -c "'$nestrace' --leave-nothing -- bash -c '(setsid sleep 3600.5 &); sleep 3600.5' & wait" &
pid=$!
left 2 "without an end of PROGRAM all go on"
kill -KILL $pid
wait $pid 2>/dev/null
left 0 "all die with the parent of nestrace"

# --- signals. NESTRACE sends them to nestrace alone, GROUP to its process group.
cat >"$work/traps.sh" <<'EOF'
for s in HUP INT QUIT USR1 USR2 SEGV TRAP TERM; do trap "echo $s" $s; done
echo ready >"$1"
for i in 1 2 3 4 5 6; do sleep 0.1; done
EOF
set -m
for to in alone group; do
  for signal in HUP INT QUIT USR1 SEGV TRAP TERM; do
    rm -f "$work/ready"
    "$nestrace" bash "$work/traps.sh" "$work/ready" >"$work/out" 2>/dev/null &
    pid=$!
    for _ in $(seq 100); do [ -s "$work/ready" ] && break; sleep 0.05; done
    if [ $to = alone ]; then kill -$signal $pid; else kill -$signal -- -$pid; fi
    wait $pid
    [ "$(cat "$work/out")" = $signal ] || { fail "$signal sent $to arrives once"; cat "$work/out"; }
  done
done

# What guests send to the group is no business of nestrace's.
for under in "" "$nestrace"; do
  rm -f "$work/ready"
  $under "$group_signals" "$work/ready" >"$work/out" &
  pid=$!
  for _ in $(seq 400); do [ -s "$work/ready" ] && break; sleep 0.05; done
  kill -RTMAX $pid
  wait $pid || fail "group_signals: exit status $?"
  [ "$(grep -c ': 20, of 20$' "$work/out")" = 10 ] || { fail "each signal of a guest arrives once"; cat "$work/out"; }
done

# --- a program whose memory is closed to nestrace, which has no rights: its user may execute it, not read it.
cp "$nestrace" "$work/nestrace" && cp "$(command -v dash)" "$work/unreadable"
chmod 711 "$work" "$work/nestrace" && chmod 111 "$work/unreadable"
exits 0 "a program that is not to be read" $user "$work/nestrace" -- \
  "$work/unreadable" -c 'trap : CHLD; /bin/true && (exit 3); echo ends $?'
says 'ends 3'

# --- job control: the shell sees its job stopped and continued.
for signal in STOP TSTP TTIN TTOU; do
  "$nestrace" sh -c "kill -$signal \$\$; exit 3" &
  pid=$!
  for _ in $(seq 100); do [ -n "$(jobs -s)" ] && break; sleep 0.05; done
  [ -n "$(jobs -s)" ] || fail "$signal: the job is not stopped"
  kill -CONT %%
  wait $pid
  [ $? = 3 ] || fail "$signal: the job does not go on"
done
exits 0 "a stopped PROGRAM is continued by its own child" \
  "$nestrace" sh -c '(sleep 0.2; kill -CONT $$) & kill -STOP $$; wait'

# --- everything dies with nestrace
"$nestrace" sleep 3600.25 &
pid=$!
for _ in $(seq 100); do pgrep -fx 'sleep 3600.25' >/dev/null && break; sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null
for _ in $(seq 100); do pgrep -fx 'sleep 3600.25' >/dev/null || break; sleep 0.05; done
pgrep -fx 'sleep 3600.25' >/dev/null && fail "a guest outlives nestrace"

echo "$failures failures"
[ $failures = 0 ]
