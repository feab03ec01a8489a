#!/bin/bash
# leaves_daemons.sh SECONDS: passes, and leaves processes behind, `sleep SECONDS`: in the background, stopped, and as
# daemons that ignore signals. All hold the test's output open.

sleep "$1" &
sleep "$1" &
for _ in 1 2; do
  (setsid bash -c 'trap "" HUP INT TERM; exec sleep "$1"' daemon "$1" &)
done
until [[ $(ps -e -o args | grep -cFx "sleep $1") == 4 ]]; do sleep 0.05; done
kill -STOP $!
echo "ready"
