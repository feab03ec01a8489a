#!/bin/bash
# compile_commands.sh BUILD_TRACER
#
# build_tracer makes a compile_commands.json of a make, each compiler of which runs under strace; and of one whose
# compilers are started by a statically linked program. Checks that the entries are all there, and that each is a
# command that compiles. Shows what bear makes of the same, if it is installed.

set -eu
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tracer=$(realpath "$1")
cd "$(mktemp -d "${TEST_TMPDIR:-/tmp}/nestrace-example.XXXXXX")"
failed=0
mkdir inner
export INNER=$PWD/inner

check() {
  if [[ $2 == "$3" ]]; then
    echo "$1: $2"
  else
    echo "$1: $2, but should be $3"
    failed=1
  fi
}

# entries FILE: the database as lines "FILE > OUTPUT: COMMAND", sorted; paths as seen from where the command runs, the
# compiler without its directory.
entries() {
  python3 - "$1" <<'END'
import json, os, sys
lines = []
for entry in json.load(open(sys.argv[1])):
    file, output = (os.path.relpath(entry[key], entry["directory"]) for key in ("file", "output"))
    compiler, *words = entry["arguments"]
    lines.append(f"{file} > {output}: {' '.join([os.path.basename(compiler)] + words)}")
print(*sorted(lines), sep="; ")
END
}

# compiles FILE: runs the commands of the database.
compiles() {
  python3 - "$1" <<'END'
import json, subprocess, sys
for entry in json.load(open(sys.argv[1])):
    subprocess.run(entry["arguments"] + ["-fsyntax-only", "-Werror"], cwd=entry["directory"], check=True)
END
}

# build CC TRACER...: the tracer runs the make of a fresh copy of the sources, always in the same place.
build() {
  rm -rf build && cp -rL "$examples/build" .
  "${@:2}" make -s -j2 -C build CC="$1" >make.log 2>&1 || { cat make.log && exit 1; }
}

wanted="area.c > area.o: cc -c -o area.o area.c; main.c > main.o: cc -c -o main.o main.c; \
print.c > print.o: cc -c -o print.o print.c"

cc -static -o static_cc "$examples/static_cc.c"
for cc in ./traced_cc "$PWD/static_cc"; do
  build "$cc" "$tracer" -o "${cc##*/}.json" --
  check "entries of a make with CC=${cc##*/}" "$(entries "${cc##*/}.json")" "$wanted"
  check "what it built says" "$(build/area)" "12 square metres"
  compiles "${cc##*/}.json"
done
check "compilers that strace saw" "$(grep -lE '^execve\("[^"]*/cc1".* = 0' inner/* | wc -l)" 3
check "exit status of a command that fails" "$("$tracer" -o none.json sh -c 'exit 3' || echo $?)" 3
check "entries of a command that compiles nothing" "$(entries none.json)" ""

echo "strace -f of the make with CC=traced_cc, without nestrace:"
strace -f -o outer.log make -s -B -C build CC=./traced_cc 2>&1 | head -1 || true
if command -v bear >/dev/null; then
  build cc bear --output bear.json --
  check "entries of $(bear --version), without strace" "$(entries bear.json)" "$wanted"
  for cc in ./traced_cc "$PWD/static_cc"; do
    build "$cc" bear --output bear.json --
    echo "entries of $(bear --version) with CC=${cc##*/}: $(grep -c '"file"' bear.json) of 3"
  done
else
  echo "not compared with bear, which is not installed"
fi
exit "$failed"
