#!/usr/bin/env bash
# What the benchmark of commands compares with: an OpenSSH server, of which it starts one of its own on loopback.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
command -v sshd >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing openssh-server, of which the benchmark starts one of its own." >&2
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends openssh-server >/dev/null && exit 0
fi
echo "The benchmark of commands needs sshd, and this is not root to install it. Install it, such as with: sudo apt-get install openssh-server" >&2
exit 1
