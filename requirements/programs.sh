#!/usr/bin/env bash
# What the tests need and no package of Python brings: tmux and nginx. Installed where that is allowed, else asked for.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
missing=()
command -v tmux >/dev/null || missing+=(tmux)
command -v nginx >/dev/null || missing+=(nginx-light)
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]}, which the tests need." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null && exit 0
fi
echo "The tests need tmux 2.7 or newer, and nginx. Install them, such as with: sudo apt-get install ${missing[*]}" >&2
exit 1
