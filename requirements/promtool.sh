#!/usr/bin/env bash
# What the tests of the alert rules need: promtool, out of Debian's package, beside the other tools. Else they are skipped.
set -euo pipefail

command -v promtool >/dev/null && exit 0
here=$(cd "$(dirname "$0")/.." && pwd)
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  [ "$(id -u)" = 0 ] && apt-get update -qq
  # Not installed: the package brings a server with it, which would be started.
  if (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download prometheus && dpkg-deb -x prometheus_*.deb .); then
    install -m 755 "$folder/usr/bin/promtool" "$here/.venv/bin/promtool"
    exit 0
  fi
fi
echo "Tests of the alert rules are skipped: they need promtool, which comes with Prometheus." >&2
