#!/bin/bash
# ignores_sigterm.sh SECONDS: waits.sh, which only SIGKILL ends.

trap "" HUP INT TERM
. "${BASH_SOURCE[0]%/*}/waits.sh"
