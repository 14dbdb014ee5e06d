#!/usr/bin/env bash
# What the tests of a network that loses packets need: nft. Installed where that is allowed, else those tests are skipped.
set -euo pipefail

command -v nft >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing nftables, with which tests lose packets in network namespaces of their own." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y nftables >/dev/null && exit 0
fi
echo "Tests that lose packets are skipped: they need root, and nft. Install it, such as with: sudo apt-get install nftables" >&2
