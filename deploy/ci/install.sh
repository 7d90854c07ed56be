#!/usr/bin/env bash
# Installs firedrill into the folder FIREDRILL_BIN: built by Go from the checkout that this script lies in or, where FIREDRILL_URL names
# a program, that one, if its SHA-256 is FIREDRILL_SHA256.
set -euo pipefail

bin="${FIREDRILL_BIN:?names the folder to install into}"
mkdir -p "$bin"
if [ -n "${FIREDRILL_URL:-}" ]; then
  if ! [[ "${FIREDRILL_SHA256:-}" =~ ^[0-9a-f]{64}$ ]]; then
    echo "a program from a URL needs its SHA-256, 64 hexadecimal digits" >&2
    exit 2
  fi
  part="$bin/firedrill.part"
  trap 'rm -f "$part"' EXIT
  curl --fail --silent --show-error --location --proto '=https' --retry 3 --output "$part" -- "$FIREDRILL_URL"
  if command -v sha256sum >/dev/null; then
    sum="$(sha256sum "$part")"
  else
    sum="$(shasum -a 256 "$part")"
  fi
  if [ "${sum%% *}" != "$FIREDRILL_SHA256" ]; then
    echo "the SHA-256 of what came from the URL is ${sum%% *}: not installed" >&2
    exit 2
  fi
  chmod 0755 "$part"
  mv -f "$part" "$bin/firedrill"
else
  root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
  (cd "$root" && go build -buildvcs=false -o "$bin/firedrill" ./cmd/firedrill)
fi
if [ -n "${GITHUB_PATH:-}" ]; then
  printf '%s\n' "$bin" >>"$GITHUB_PATH"
fi
"$bin/firedrill" version
