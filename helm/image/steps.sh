#!/bin/sh
# What it takes to make the image, for the Dockerfile and for the tests, which have no Docker and set ROOT.
#   steps.sh environment FLAVOUR   the agent and what is locked for it, into ROOT/opt/edge-agent; in the directory with
#                                  the wheel, uv.txt and FLAVOUR.txt. UV: a uv that is there already
#   steps.sh layout                its user, and the directories it writes to and reads from
#   steps.sh check FLAVOUR         whether what is there is what was meant
set -eu

ROOT=${ROOT:-}
ID=50000
AGENT=$ROOT/opt/edge-agent

environment() {
    if [ -z "${UV:-}" ]; then
        # Because pip takes a minute for Airflow. Pinned by its hash, and gone with this stage.
        python3 -m venv uv
        uv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
            --requirement uv.txt
        UV=uv/bin/uv
    fi
    python3 -m venv --without-pip "$AGENT"
    "$UV" pip sync --quiet --python "$AGENT/bin/python" --require-hashes "$1.txt"
    "$UV" pip install --quiet --python "$AGENT/bin/python" --no-deps ./*.whl
    # A job may run as another user, and may read the code but not change it.
    chmod -R a+rX,go-w "$AGENT"
}

layout() {
    mkdir -p "$ROOT/etc/edge-agent" "$ROOT/home/edge-agent" "$ROOT/var/lib/edge-agent"
    echo "edge-agent:x:$ID:" >>"$ROOT/etc/group"
    echo "edge-agent:x:$ID:$ID:agent:/home/edge-agent:/bin/bash" >>"$ROOT/etc/passwd"
    chmod 755 "$ROOT/etc/edge-agent"
    chmod 750 "$ROOT/home/edge-agent" "$ROOT/var/lib/edge-agent"
    chown "$ID:$ID" "$ROOT/home/edge-agent" "$ROOT/var/lib/edge-agent"
}

check() {
    "$AGENT/bin/edge-agent" version
    has_airflow=$("$AGENT/bin/python" -c 'import importlib.util as u; print(u.find_spec("airflow") is not None)')
    case $1/$has_airflow in
    bare/False | tasks/True) ;;
    *) echo "steps.sh: is Airflow in the flavour $1? $has_airflow" >&2 && exit 1 ;;
    esac
}

"$@"
