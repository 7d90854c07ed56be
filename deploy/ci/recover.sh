#!/usr/bin/env bash
# Puts back what the processes of this job left behind, if any were killed. A run that is still alive is left alone. With a state that
# a team shares, nobody knows at once that a process is dead: its claim runs out first.
set -euo pipefail
exec firedrill recover --wait 1m
