#!/usr/bin/env bash
# What the tests need and no package of Python brings: tmux. Installed where that is allowed, else asked for.
set -euo pipefail

command -v tmux >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing tmux, which the tests of the tmux runner need." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y tmux >/dev/null && exit 0
fi
echo "The tests need tmux 2.7 or newer. Install it, such as with: sudo apt-get install tmux" >&2
exit 1
