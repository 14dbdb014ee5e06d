#!/usr/bin/env bash
# What the tests of an installed host need: systemd-analyze, runit and logrotate. Installed where that is allowed.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
missing=()
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v runsv >/dev/null || missing+=(runit)
command -v logrotate >/dev/null || missing+=(logrotate)
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]}, with which an installed host is tried. None of them is started." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null && exit 0
fi
command -v systemd-analyze >/dev/null || {
  echo "The tests of the unit need systemd-analyze. Install it, such as with: sudo apt-get install systemd" >&2
  exit 1
}
echo "Tests that need ${missing[*]} are skipped. Install them, such as with: sudo apt-get install ${missing[*]}" >&2
