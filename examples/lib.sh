# Sourced by the examples: what they need, a directory to work in, and checks.

set -eu
for tool in cc gdb make strace; do
  command -v "$tool" >/dev/null || { echo "this needs $tool" >&2 && exit 1; }
done
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
nestrace=$(realpath "${1:-$examples/../nestrace}")
"$nestrace" --version >/dev/null  # so that it is built now, if it is not yet
cd "$(mktemp -d "${TEST_TMPDIR:-/tmp}/nestrace-example.XXXXXX")"
failed=0

# run NAME COMMAND...: runs the command under nestrace; what it says goes to NAME.log.
run() {
  local log=$1.log status=0
  shift
  "$nestrace" -- "$@" >"$log" 2>&1 || status=$?
  check "exit status" "$status" 0
}

# check WHAT FOUND WANTED
check() {
  if [[ $2 == "$3" ]]; then
    echo "$1: $2"
  else
    echo "$1: $2, but should be $3"
    failed=1
  fi
}

# finish FILE...: the end of an example; shows the files if a check failed.
finish() {
  if ((failed)); then
    tail -n +1 -- "$@"
  fi
  echo "the logs are in $PWD"
  exit "$failed"
}
