#!/usr/bin/env bash
# What the tests of the page need: a browser. Playwright's own cannot be downloaded everywhere; a distribution's will do.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium, in which the tests look at the page." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "The tests of the page need Chromium. Install it, such as with: sudo apt-get install chromium" >&2
exit 1
