#!/bin/bash
# hide_files_attacks_test.sh HIDE_FILES ATTACKS TELL
#
# Each attack of attacks.c natively, where it gets at the secret, and inside hide_files, where it does not.

set -u
hide_files=$(realpath "$1") attacks=$(realpath "$2") tell=$(realpath "$3")
top=$(mktemp -d "${TEST_TMPDIR:-/tmp}/hide-files.XXXXXX")
failed=0 closed=0 skipped=0

# A fresh place for each run: attacks leave links and moved files behind.
prepare() {
  rm -rf "$top/place" "$top/place.moved"
  mkdir -p "$top/place/secret" "$top/place/public"
  echo "xyzzy $RANDOM" >"$top/place/secret/word"
  echo innocent >"$top/place/public/word"
  touch "$top/place/secret/"{other,third}
  ln -s xyzzy "$top/place/secret/link"
  cp "$tell" "$top/place/secret/tell"
  cp "$tell" "$top/place/public/tell"
  (cd "$top/place/secret" && exec 9<word && SECRET=xyzzy exec sleep 1000) &
  keeper=$!
  until [[ $(readlink "/proc/$keeper/exe") == *sleep || $(readlink "/proc/$keeper/exe") == *coreutils ]]; do :; done
}

for attack in $("$attacks"); do
  prepare
  native=$(TRIES=100000000 "$attacks" "$attack" "$top/place/secret" "$top/place/public" "$keeper" 2>&1)
  native_status=$?
  kill "$keeper"; wait "$keeper" 2>/dev/null
  prepare
  inside=$(TRIES=$([[ $attack == *Program ]] && echo 150 || echo 1500) "$hide_files" --hide="$top/place/secret" --log="$top/log" -- \
    "$attacks" "$attack" "$top/place/secret" "$top/place/public" "$keeper" 2>&1)
  inside_status=$?
  kill "$keeper"; wait "$keeper" 2>/dev/null
  if [[ $inside == *got* || $inside_status == 0 || $inside_status -gt 128 && $attack != ThreadRewritesProgram ]]; then
    echo "$attack: succeeded inside: $inside_status $inside"
    failed=1
  elif [[ $native_status == 77 ]]; then
    echo "$attack: not possible on this machine without hide_files either"
    ((++skipped))
  elif [[ $native_status != 0 || $native != *got* ]]; then
    echo "$attack: shows nothing, it fails natively too: $native_status $native"
    failed=1
  else
    ((++closed))
  fi
done
echo "$closed attacks that work natively fail inside, $skipped are not possible on this machine"
echo "in the log:"
cut -d' ' -f2 "$top/log" | sort | uniq -c | sort -rn
((closed > 30)) || failed=1
exit "$failed"
