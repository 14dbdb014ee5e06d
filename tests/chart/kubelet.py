"""What a kubelet does with a pod before its containers start, as far as files and variables go, in a directory.

Written down from Kubernetes' own code (``pkg/volume``), because no cluster runs here: a Secret or ConfigMap belongs to
root, its directory lets everybody write, ``fsGroup`` makes its files readable for that group whatever mode was asked
for, and a file that is mounted by itself (``subPath``) lies in a directory of root's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chart import rendering

GROUP_READ = 0o440


class Pod:
    """The files of one pod below ``root``, and the environment of its agent.

    ``content``: what a Secret or ConfigMap holds that is not part of the release, by kind, name and key.
    """

    def __init__(
        self,
        root: Path,
        pod: dict[str, Any],
        rendered: list[dict[str, Any]],
        *,
        name: str,
        content: Callable[[str, str, str], str],
    ) -> None:
        self._root = root
        self._pod = pod
        self._name = name
        self._content = content
        self._rendered = rendered
        self._group = pod.get("securityContext", {}).get("fsGroup")
        self._places: dict[str, Path] = {}
        volumes = {each["name"]: each for each in pod["volumes"]}
        for mount in sorted(rendering.agent(pod)["volumeMounts"], key=lambda each: each["mountPath"]):
            self._mount(mount, volumes.get(mount["name"], {"claim": {}}))

    @property
    def user(self) -> int | None:
        """Whose processes they are; None where the cluster chooses."""
        return self._pod.get("securityContext", {}).get("runAsUser")

    @property
    def groups(self) -> tuple[int, list[int]]:
        """The group of its processes and their further ones."""
        context = self._pod.get("securityContext", {})
        return context.get("runAsGroup", 0), [self._group] if self._group else []

    def place(self, path: str) -> Path:
        """Return where a path of the container is."""
        for mounted in sorted(self._places, key=len, reverse=True):
            if path == mounted or path.startswith(f"{mounted}/"):
                return Path(str(self._places[mounted]) + path.removeprefix(mounted))
        return Path(f"{self._root}{path}")

    def environment(self) -> dict[str, str]:
        """Return the variables of the agent's container; paths are where they are here."""
        found = {}
        for name, value in rendering.environment(self._pod).items():
            text = value if isinstance(value, str) else self._value_from(value)
            found[name] = str(self.place(text)) if text.startswith("/") else text
        return found

    def _value_from(self, source: dict[str, Any]) -> str:
        if "fieldRef" in source:
            assert source["fieldRef"] == {"fieldPath": "metadata.name"}
            return self._name
        ref = source["secretKeyRef"]
        return self._text("Secret", ref["name"], ref["key"])

    def _text(self, kind: str, name: str, key: str) -> str:
        own = [each for each in rendering.of_kind(self._rendered, kind) if each["metadata"]["name"] == name]
        if not own:
            return self._content(kind, name, key)
        return rendering.data_of(own[0])[key]

    def _mount(self, mount: dict[str, Any], volume: dict[str, Any]) -> None:
        is_file = "subPath" in mount
        place = self._root / "volumes" / mount["name"]
        place.mkdir(parents=True)
        self._places[mount["mountPath"]] = place
        for key, source, kind in self._items(volume):
            self._write(place / source, self._text(kind, self._named(volume), key), self._mode(volume, kind))
        if is_file:  # by itself, in a directory of the image
            target = Path(f"{self._root}{mount['mountPath']}")
            target.parent.mkdir(parents=True, exist_ok=True)
            (place / mount["subPath"]).rename(target)
            self._places[mount["mountPath"]] = target
        elif self._group is not None:
            self._give(place, self._group)
            place.chmod(0o2777 if "claim" not in volume else 0o2775)
        else:
            place.chmod(0o777)

    def _items(self, volume: dict[str, Any]) -> list[tuple[str, str, str]]:
        if "configMap" in volume:
            return [(each["key"], each["path"], "ConfigMap") for each in volume["configMap"]["items"]]
        if "csi" in volume:
            return [("token", "edge-agent-token", "Driver")]
        keys = volume.get("secret", {}).get("items")
        if "secret" in volume and keys is None:
            return [(key, key, "Secret") for key in ("tls.crt", "tls.key")]
        return [(each["key"], each["path"], "Secret") for each in keys or []]

    @staticmethod
    def _named(volume: dict[str, Any]) -> str:
        return str(volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name") or "")

    def _mode(self, volume: dict[str, Any], kind: str) -> int:
        if kind == "Driver":  # as such a driver has to be told
            return GROUP_READ
        mode = int(volume.get("secret", {}).get("defaultMode", 0o644))
        return mode | GROUP_READ if self._group is not None else mode

    def _write(self, file: Path, text: str, mode: int) -> None:
        file.write_text(text, encoding="utf-8")
        if os.geteuid() != 0:  # Nobody else to give it to: then the owner's own rule holds.
            mode &= ~(stat.S_IRWXG | stat.S_IRWXO)
        elif self._group is not None:
            self._give(file, self._group)
        file.chmod(mode)

    @staticmethod
    def _give(path: Path, group: int) -> None:
        if os.geteuid() == 0:
            os.chown(path, 0, group)
