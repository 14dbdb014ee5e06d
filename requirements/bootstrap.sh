#!/usr/bin/env bash
# Make .venv with the pinned uv in it, from whatever Python 3.11 to 3.13 this machine has.
# Changes nothing where there is a good one already. Another interpreter: `make setup PYTHON=python3.13`.
set -euo pipefail
cd "$(dirname "$0")/.."

# `python3` may be a shim that fails when it is called, or Debian's without ensurepip: ask each one.
is_good() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if is_good "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if [ -e .venv ] && ! is_good .venv/bin/python; then
    echo "setup: .venv is broken or of another Python; making it anew"
    rm -rf .venv
fi
if [ ! -e .venv ]; then
    if ! python=$(find_python) && [ -z "${PYTHON:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing python3-venv with apt-get"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
    fi
    if ! python=$(find_python); then
        echo "setup: found no Python 3.11 to 3.13 with the modules venv and ensurepip." >&2
        echo "       Debian, Ubuntu: sudo apt-get install python3-venv" >&2
        echo "       elsewhere:      make setup PYTHON=/path/to/python3.11" >&2
        exit 1
    fi
    echo "setup: making .venv from $("$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')"
    "$python" -m venv .venv
fi

wanted=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/uv.txt)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$wanted" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
fi
