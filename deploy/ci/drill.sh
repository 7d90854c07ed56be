#!/usr/bin/env bash
# Runs a drill for a pipeline, with its reports in the folder FIREDRILL_REPORTS. What to run comes through the environment, an item a
# line, and is never evaluated by the shell:
#   FIREDRILL_COMMAND   verify, canary or flag
#   FIREDRILL_PATHS     experiment files, and folders of them
#   FIREDRILL_ARGS      further arguments
# It becomes firedrill itself, so that the exit code and the signals of a cancelled job are firedrill's own.
set -euo pipefail

command="${FIREDRILL_COMMAND:-verify}"
case "$command" in
  verify | canary | flag) ;;
  *)
    echo "firedrill $command is no drill: use verify, canary or flag" >&2
    exit 2
    ;;
esac
reports="${FIREDRILL_REPORTS:-firedrill-reports}"
mkdir -p "$reports"
rm -f "$reports/junit.xml" "$reports/results.sarif" "$reports/codequality.json" "$reports/summary.md" "$reports/index.html"
words=(firedrill "$command" --junit "$reports/junit.xml" --sarif "$reports/results.sarif"
  --codequality "$reports/codequality.json" --markdown "$reports/summary.md" --html "$reports/index.html")

add() { # add TEXT: a word for each line that is not empty
  local line
  while IFS= read -r line; do
    line="${line%$'\r'}"
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    if [ -n "$line" ]; then
      words+=("$line")
    fi
  done <<<"$1"
}

add "${FIREDRILL_ARGS:-}"
words+=(--)
add "${FIREDRILL_PATHS:-experiments}"
exec "${words[@]}"
