#!/bin/sh
# Records while a command runs: record-around.sh FILE COMMAND [ARGUMENT…]
# Ends with the command's exit code; the recording is whole by then.
#   UPSTREAMTOP  how to call the program, `sudo upstreamtop` where the helper has no capabilities of its own
set -eu
file=$1
shift

log=$(mktemp)
${UPSTREAMTOP:-upstreamtop} record --out "$file" 2> "$log" &
recorder=$!

# One line that begins with "recording" says that the programs are attached and the file exists.
until grep -q '^recording' "$log"; do
	[ -d "/proc/$recorder" ] || { cat "$log" >&2; rm "$log"; exit 4; }
	sleep 0.1
done

status=0
"$@" || status=$?

# TERM: a shell starts background commands with INT ignored. What sudo started only root may end.
kill -TERM "$recorder" 2> /dev/null || sudo kill -TERM "$recorder"
wait "$recorder" || true
rm "$log"
exit "$status"
