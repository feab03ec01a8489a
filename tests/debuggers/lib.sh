# Helpers for sessions. A session runs in an empty directory that holds a copy of every target program.
# $NESTED is not empty under nestrace, and empty natively.

set -u
ulimit -c 0

NESTED=
[ "$UNDER_NESTRACE" = 0 ] || NESTED=yes

# A debugger with the sessions' settings. Commands on standard input are shown and obeyed one by one; the first
# that fails ends the session, as it should: use `-ex` for commands that are meant to fail.
gdb_script() {
  cat > commands.gdb
  gdb -nx -q -batch -ix "$SOURCES/gdbinit" -ex "directory $SOURCES/programs" -x commands.gdb "$@"
}

gdb_batch() {
  gdb -nx -q -batch -ix "$SOURCES/gdbinit" -ex "directory $SOURCES/programs" "$@"
}

lldb_script() {
  cat > commands.lldb
  lldb-14 --no-lldbinit --no-use-colors --batch --source commands.lldb "$@" 2>&1 |
    grep -v -E 'embedded_interpreter|^Traceback|File "<string>"|^Process [0-9]+ (resuming|launched)|^$'
}

# section NAME [FILE...]: begins a section of the transcript, and shows the files.
section() {
  echo "=== $1"
  shift
  [ $# -eq 0 ] || cat -- "$@"
}

# die WHY: ends the session in failure, and what it has begun.
die() {
  echo "session: $*"
  [ ! -S terminal.socket ] || terminal kill-server
  kill -KILL $(jobs -p) 2> /dev/null
  exit 1
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
  local tries=$(($1 * 100))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "waited too long for: $*"
    sleep 0.01
  done
}

# wait_for FILE REGEX: polls until a line of the file matches.
wait_for() {
  local tries=2000
  until grep -q -E -e "$2" -- "$1" 2> /dev/null; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      section "waited-for" "$1"
      die "waited too long for /$2/ in $1"
    fi
    sleep 0.01
  done
}

# count_is N FILE REGEX: whether exactly N lines match.
count_is() {
  [ "$(grep -c -E -e "$3" -- "$2" 2> /dev/null)" = "$1" ]
}

# start_target: a target that waits for commands, see programs/target.c. Its process number is in $target, its
# output in target.out. `tell LETTER` gives it a command, `finish_target` makes it leave and shows its output.
start_target() {
  mkfifo orders
  ./target orders > target.out 2>&1 &
  target=$!
  exec 9<> orders
  wait_for target.out 'target ready'
}

tell() { printf '%s' "$1" >&9; }

finish_target() {
  tell q
  wait "$target"
  echo "target left with $?"
  section target target.out
}

# stopped_state PID LETTER: whether the process is in the state that /proc names with that letter.
in_state() {
  [ "$(sed 's/^.*) \(.\).*$/\1/' "/proc/$1/stat" 2> /dev/null)" = "$2" ]
}

# outer COMMAND... -- INNER...: under nestrace the outer tracer runs the inner command; natively, where the kernel
# allows only one tracer, the inner command runs by itself.
outer() {
  local tracer=()
  while [ "$1" != "--" ]; do
    tracer+=("$1")
    shift
  done
  shift
  if [ -n "$NESTED" ]; then
    "${tracer[@]}" "$@"
  else
    "$@"
  fi
}

# by_thread LOG: the lines of an `strace -f -o LOG`, thread by thread, in the order in which the threads are first
# mentioned, with the two halves of interrupted lines joined.
by_thread() {
  awk '
    function mention(number) { if (!(number in known)) { known[number] = 1; order[++threads] = number } }
    {
      number = $1
      mention(number)
      text = substr($0, length(number) + 2)
      sub(/^ +/, "", text)
      if (text ~ / <unfinished \.\.\.>$/) {
        sub(/ <unfinished \.\.\.>$/, "", text)
        begun[number] = text
        next
      }
      if (text ~ /^<\.\.\. [a-z0-9_]+ resumed>/) {
        sub(/^<\.\.\. [a-z0-9_]+ resumed>/, "", text)
        text = begun[number] text
      }
      sub(/ ?\) += /, ") = ", text)
      if (match(text, /^(clone3?|v?fork)\(.*\) = [0-9]+$/)) { made = text; sub(/^.* = /, "", made); mention(made) }
      lines[number, ++count[number]] = "pid " number " " text
    }
    END {
      for (i = 1; i <= threads; ++i) {
        for (j = 1; j <= count[order[i]]; ++j) print lines[order[i], j]
      }
    }
  ' "$1" | sed 's/^pid \([0-9]*\) /[pid \1] /'
}

# A conversation with a debugger that reads its commands from a pipe, for what happens while the program runs:
#   gdb_start ARGUMENT...  or  lldb_start ARGUMENT...
#   say COMMAND; expect REGEX; ...
#   hang_up
# `expect` waits for a line after the one it found last. `hang_up` says quit and shows all that the debugger said.
converse() {
  mkfifo commands
  "$@" < commands > said 2>&1 &
  debugger=$!
  exec 8> commands
  heard=0
}

gdb_start() {
  converse gdb -nx -q -ix "$SOURCES/gdbinit" -ex "directory $SOURCES/programs" "$@"
}

# Launch programs with -i, -o and -e, all three: else lldb passes its own input on to a running program, and may go on
# to do so for a moment after the program has stopped, so that a command is lost.
lldb_start() {
  converse lldb-14 --no-lldbinit --no-use-colors -O 'settings set stop-line-count-before 0' \
    -O 'settings set stop-line-count-after 0' "$@"
}

say() { printf '%s\n' "$1" >&8; }

expect() {
  local tries=2000 found
  until found=$(tail -n +$((heard + 1)) said | grep -n -m1 -E -e "$1"); do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      section said said
      die "the debugger did not say /$1/ after line $heard"
    fi
    sleep 0.01
  done
  heard=$((heard + ${found%%:*}))
}

hang_up() {
  say quit
  exec 8>&-
  wait "$debugger"
  echo "the debugger left with $?"
  section said
  # A prompt may come before or after what the program caused, and so may lldb's words about what it has begun.
  sed -E 's/^(\((gdb|lldb)\) +)*//; /^$/d; /^Process [0-9]+ (resuming|launched)/d; /embedded_interpreter|^Traceback|File "<string>"/d' said
}

# wait_port FILE: the port that a gdbserver, told to take any free one, has written to FILE.
wait_port() {
  wait_for "$1" 'Listening on port [0-9]+'
  sed -n 's/.*Listening on port //p' "$1" | head -1
}

# A terminal of tmux:
#   terminal_start COMMAND...   runs the command in it
#   type_line TEXT; press KEY; see REGEX; ...
#   terminal_end                shows what stood in the terminal, and ends it; terminal_show only shows
# `see` waits for a line after the one it found last. Wait for the effect of every line and key before the next.
terminal() { LC_ALL=C.UTF-8 tmux -S terminal.socket -f /dev/null "$@"; }

terminal_start() {
  terminal new-session -d -x 200 -y 50 "$@" || die "no terminal"
  seen=0
}

type_line() { terminal send-keys -l -- "$1" && terminal send-keys Enter; }

press() { terminal send-keys "$1"; }

terminal_text() { terminal capture-pane -p -J -S - | sed 's/ *$//'; }

see() {
  local tries=1000 found
  until found=$(terminal_text | tail -n +$((seen + 1)) | grep -n -m1 -E -e "$1"); do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      section terminal
      terminal_text
      terminal kill-server
      die "the terminal did not show /$1/ after line $seen"
    fi
    sleep 0.02
  done
  seen=$((seen + ${found%%:*}))
}

# foreground NAME: waits until a process of that name holds the terminal.
foreground() {
  in_foreground() { [ "$(terminal display-message -p '#{pane_current_command}')" = "$1" ]; }
  wait_until 20 in_foreground "$1"
}

terminal_show() {
  section terminal
  terminal_text | sed '/^$/d'
}

terminal_gone() { ! terminal list-sessions > /dev/null 2>&1; }

terminal_end() {
  terminal_show
  terminal kill-server
  wait_until 20 terminal_gone
}

# process_of PROGRAM: the process that runs this copy of a target program.
process_of() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    if [ "$(readlink "$exe")" = "$PWD/$1" ]; then
      exe=${exe#/proc/}
      echo "${exe%/exe}"
    fi
  done
}

# wait_running PROGRAM: until it runs on a processor, or waits for one.
wait_running() {
  local pid
  running() {
    for pid in $(process_of "$1"); do
      if in_state "$pid" R; then return 0; fi
    done
    return 1
  }
  wait_until 20 running "$1"
}

# ends LOG: what an `strace -f -o LOG` or `ltrace -f -o LOG` says about the ends of the threads that it saw.
ends() {
  awk '
    { seen[$1] = 1 }
    /^[0-9]+ +\+\+\+ (exited|killed|superseded)/ { ++ended[$1] }  # Not what an inner strace wrote about it.
    END {
      for (thread in seen) { ++threads; if (ended[thread] != 1) { ++wrong; print "thread ended " ended[thread] + 0 " times" } }
      print threads " threads, " wrong + 0 " without exactly one end"
    }
  ' "$1"
}

# start_threads: programs/threaded.c, held before its threads begin to work. Its process number is in $target, its
# output in target.out; `tell g` lets it go on.
start_threads() {
  mkfifo orders
  exec 9<> orders
  ./threaded orders > target.out 2>&1 &
  target=$!
  wait_until 20 threads_held
}

threads_held() {
  [ "$(ls "/proc/$target/task" | wc -l)" = 4 ] && [ "$(sed 's/ .*//' "/proc/$target/syscall")" = 0 ]
}
