#!/bin/sh
# For record --exec: sends what was measured, and the first lines of a report of the dump. docs/triggers.md
#   NOTIFY_URL   gets it by POST, as text        NOTIFY_MAIL   gets it by mail(1)        neither: it is printed
# UPSTREAMTOP is the program, if it is not in PATH.
set -eu
dump=$1 what=$2

text() {
  printf '%s: %s\n\n' "$(hostname)" "$what"
  "${UPSTREAMTOP:-upstreamtop}" report "$dump" --top 3 | head -n 40
  printf '\n%s\n' "$dump"
}

if [ -n "${NOTIFY_URL:-}" ]; then
  text | curl --silent --show-error --fail --max-time 20 --data-binary @- -H 'Content-Type: text/plain; charset=utf-8' "$NOTIFY_URL"
elif [ -n "${NOTIFY_MAIL:-}" ]; then
  text | mail -s "upstreamtop: $what" "$NOTIFY_MAIL"
else
  text
fi
