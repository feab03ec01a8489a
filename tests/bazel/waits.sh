#!/bin/bash
# waits.sh SECONDS: waits, as does a daemon that it leaves behind.

(setsid bash -c 'trap "" HUP INT TERM; exec sleep "$1"' daemon "$1" &)
until ps -e -o args | grep -qFx "sleep $1"; do sleep 0.05; done
echo "ready"
exec sleep "$1"
