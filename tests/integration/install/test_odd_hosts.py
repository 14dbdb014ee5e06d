"""Hosts that are set up in ways nobody thinks of: umasks, encodings, names."""

from __future__ import annotations

import os

from edge_agent import cli
from tests.support.trees import tree

SITE = ("--url", "https://airflow.example.com", "--queues", "onprem,reports")
UNIT = "etc/systemd/system/edge-agent.service"


def test_the_name_of_the_directory_may_hold_a_space(capsys, tmp_path):
    (root := tmp_path / "a b").mkdir()
    site = ("--program", "/opt/edge-agent/bin/edge-agent", *SITE)
    for words in (("install", *site), ("uninstall",)):
        assert cli.main([*words, "--root", str(root)]) == 0, capsys.readouterr()
    assert tree(root) == {}


def test_a_strict_umask_closes_no_directory_to_the_agents_user(install, root):
    before = os.umask(0o077)
    try:
        install(*SITE, "--state-dir", "/srv/edge/agent")
    finally:
        os.umask(before)
    modes = {name: mode for name, (mode, _) in tree(root).items()}
    assert modes["srv"] == modes["srv/edge"] == modes["etc/edge-agent"] == "drwxr-xr-x"
    assert modes["srv/edge/agent"] == "drwx------"


def test_what_people_wrote_in_another_encoding_stays(install, run, root):
    install(*SITE)
    for name in ("environment", "policy.toml"):
        (root / "etc/edge-agent" / name).write_bytes(b"# \xfcber alles\n")
        (root / "etc/edge-agent" / name).chmod(0o644)
    install(*SITE)
    assert (root / "etc/edge-agent/environment").read_bytes() == b"# \xfcber alles\n"
    assert (root / "etc/edge-agent/environment").stat().st_mode == 0o100600
    assert "Kept, as somebody wrote it" in run("uninstall")


def test_the_unit_has_the_group_of_its_user(install, root):
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("etl:x:900:50:people's own:/home/etl:/bin/sh\n")
    for lists, group in (("staff:x:50:\n", "staff"), ("", "50")):
        (root / "etc/group").write_text(lists)
        install(*SITE, "--user", "etl")
        assert f"Group={group}\n" in (root / UNIT).read_text()
