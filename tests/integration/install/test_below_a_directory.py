"""``--root``: as packagers install, and as whatever an installation writes can be looked at without a host."""

from __future__ import annotations

import os
import tomllib

import pytest

from edge_agent.install.layout import Layout
from edge_agent.install.steps import Step
from tests.support.trees import tree

SITE = ("--url", "https://airflow.example.com", "--queues", "onprem,reports")
SETTINGS = "etc/edge-agent/agent.toml"
UNIT = "etc/systemd/system/edge-agent.service"
TOKEN = "eat_0123456789ab_planted"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users")


@pytest.fixture(params=[(), ("--no-systemd",)], ids=["systemd", "without"])
def how(request):
    """Give the two kinds of host."""
    return request.param


def test_everything_is_there_with_the_modes_it_is_to_have(install, root, tmp_path):
    (file := tmp_path / "token").write_text(TOKEN)
    file.chmod(0o600)
    said = install(*SITE, "--name", "db-07", "--token-file", str(file))
    assert TOKEN not in said
    settings = tomllib.loads((root / SETTINGS).read_text())
    assert settings == {
        "url": "https://airflow.example.com",
        "name": "db-07",
        "queues": ["onprem", "reports"],
        "token_file": "/etc/edge-agent/token",
        "state_dir": "/var/lib/edge-agent",
    }
    modes = {name: mode for name, (mode, _) in tree(root).items() if "edge-agent" in name}
    assert modes["etc/edge-agent"] == "drwxr-xr-x"
    assert modes[SETTINGS] == "-rw-r-----"
    assert modes["etc/edge-agent/environment"] == modes["etc/edge-agent/token"] == "-rw-------"
    assert modes["etc/edge-agent/policy.toml"] == modes[UNIT] == "-rw-r--r--"
    assert modes["var/lib/edge-agent"] == "drwx------"
    assert (root / "etc/edge-agent/token").read_text() == f"{TOKEN}\n"


def test_a_second_run_changes_nothing_and_says_so(install, root, how):
    install(*SITE, *how)
    before = tree(root)
    for words in ((*SITE, *how), how):
        assert "Nothing to do" in install(*words)
        assert tree(root) == before


def test_a_dry_run_shows_every_file_and_command_in_full_and_does_nothing(install, root, how, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said = install(*SITE, *how, "--dry-run")
    assert tree(root) == {}
    monkeypatch.undo()
    install(*SITE, *how)
    files = [(name, text) for name, (mode, text) in tree(root).items() if mode.startswith("-")]
    assert len(files) >= 5
    for name, text in files:
        if name != "etc/edge-agent/installed.json":
            assert f"file /{name}: to be done" in said
            assert all(f"    | {line}\n" in said for line in text.splitlines())
    assert "to be done" not in install(*SITE, *how, "--dry-run")


def test_a_dry_run_does_not_show_the_token(install, tmp_path):
    (file := tmp_path / "token").write_text(TOKEN)
    said = install(*SITE, "--token-file", str(file), "--dry-run")
    assert "planted" not in said
    assert "(a secret, which is not shown)" in said


def test_a_changed_setting_is_shown_as_a_difference_and_the_rest_is_left_alone(install, root):
    install(*SITE)
    with (root / SETTINGS).open("a") as file:
        file.write("slots = 16  # big\n")
    said = install("--queues", "onprem")
    assert '    -queues = ["onprem", "reports"]\n    +queues = ["onprem"]\n' in said
    assert "slots = 16  # big\n" in (root / SETTINGS).read_text()
    assert "done: file /etc/edge-agent/agent.toml" in said
    assert said.count("done:") == 1


def test_a_token_that_changes_is_not_shown(install, tmp_path):
    file = tmp_path / "token"
    for number in (1, 2):
        file.write_text(f"{TOKEN}{number}")
        file.chmod(0o600)
        said = install(*SITE, "--token-file", str(file))
    assert "planted" not in said
    assert "changed (a secret, which is not shown)" in said


def test_modes_are_mended(install, root):
    install(*SITE)
    (root / "etc/edge-agent/environment").chmod(0o644)
    assert "from 0644" in install()
    assert (root / "etc/edge-agent/environment").stat().st_mode == 0o100600


def test_what_is_written_once_is_its_owners_from_then_on(install, root):
    install(*SITE)
    for name in ("environment", "policy.toml"):
        (root / "etc/edge-agent" / name).write_text("# mine\n")
    install("--url", "https://b")
    assert [(root / "etc/edge-agent" / name).read_text() for name in ("environment", "policy.toml")] == ["# mine\n"] * 2


def test_a_longer_drain_is_a_longer_stop(install, root):
    install(*SITE)
    assert "TimeoutStopSec=3700" in (root / UNIT).read_text()
    with (root / SETTINGS).open("a") as file:
        file.write("drain_timeout_seconds = 0\n")
    assert "+TimeoutStopSec=100" in install()


def test_a_drain_without_end_is_a_year_for_whoever_stops_the_agent(install, root):
    install(*SITE)
    with (root / SETTINGS).open("a") as file:
        file.write("drain_timeout_seconds = inf\n")
    assert "+TimeoutStopSec=31536100" in install()
    assert "stopwaitsecs=31536100" in install("--no-systemd")


def test_what_jobs_may_is_kept_until_somebody_says_otherwise(install, root):
    drop_in = root / f"{UNIT}.d" / "50-commands-only.conf"
    install(*SITE, "--sandbox", "commands")
    install()
    assert drop_in.exists()
    assert "NoNewPrivileges=yes" in (root / UNIT).read_text()
    install("--sandbox", "open")
    assert not drop_in.parent.exists()
    assert "NoNewPrivileges" not in (root / UNIT).read_text()


def test_a_package_may_leave_out_what_only_the_site_knows(install, root):
    said = install("--no-start")
    assert '# url = "https://airflow.example.com"' in (root / SETTINGS).read_text()
    assert "is to be completed before the agent starts" in said
    assert "The token goes to /etc/edge-agent/token" in said
    assert "No user was made" in said
    assert not (root / "etc/systemd/system/multi-user.target.wants").exists()


def test_a_service_is_enabled_below_the_directory(install, run, root):
    install(*SITE)
    link = root / "etc/systemd/system/multi-user.target.wants/edge-agent.service"
    assert str(link.readlink()) == f"/{UNIT}"
    run("uninstall")
    assert tree(root) == {}


def test_without_systemd_all_ways_to_run_it_are_shown(install, root):
    said = install(*SITE, "--no-systemd")
    for words in ("runuser -u edge-agent -- /etc/edge-agent/start", "[program:edge-agent]", "chpst", "openrc-run"):
        assert words in said
    assert not (root / UNIT).exists()
    modes = tree(root)
    assert modes["etc/edge-agent/start"][0] == "-rwxr-xr-x"
    assert modes["etc/edge-agent/environment"][0] == "-rw-r-----", "the start script reads it as the agent's user"
    assert modes["var/log/edge-agent"][0] == "drwxr-x---"
    assert "copytruncate" in modes["etc/logrotate.d/edge-agent"][1]


def test_a_step_that_fails_stops_all_and_says_what_was_done_and_how_to_go_on(install, root, monkeypatch):
    (root / "etc").mkdir()
    (root / "etc/systemd").mkdir()
    (root / "etc/systemd/system").touch()
    said = install(*SITE, code=1)
    assert "Failed: file /etc/systemd/system/edge-agent.service: " in said
    assert "Done before that: directory /etc/edge-agent; directory /var/lib/edge-agent; file " in said
    assert "run the same command again" in said
    (root / "etc/systemd/system").unlink()
    said = install(*SITE)
    assert "done: directory" not in said
    assert f"done: file /{UNIT}" in said


@needs_root
def test_users_are_made_and_removed_in_the_lists_of_the_directory(install, run, root):
    (root / "etc").mkdir()
    for name in ("passwd", "group", "shadow", "gshadow"):
        (root / "etc" / name).touch()
    before = tree(root)
    install(*SITE)
    assert "edge-agent:x:" in (root / "etc/passwd").read_text()
    assert (root / "var/lib/edge-agent").stat().st_uid == int((root / "etc/passwd").read_text().split(":")[2])
    assert "Nothing to do" in install()
    run("uninstall")
    assert tree(root) == before


@needs_root
def test_a_user_of_two_agents_stays_until_the_last_is_gone_and_one_of_people_for_ever(install, run, root):
    for folder in ("etc/systemd/system", "var/lib"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("etl:x:900:900:people's own:/home/etl:/bin/sh\n")
    for name in ("group", "shadow", "gshadow"):
        (root / "etc" / name).touch()
    before = tree(root)
    for number in (1, 2):
        install(*SITE, "--instance", f"i{number}", "--name", f"h{number}")
    install(*SITE, "--instance", "etls", "--name", "h3", "--user", "etl")
    run("uninstall", "--instance", "i1")
    assert "edge-agent" in (root / "etc/passwd").read_text()
    run("uninstall", "--instance", "i2")
    assert "edge-agent" not in (root / "etc/passwd").read_text()
    run("uninstall", "--instance", "etls")
    assert tree(root) == before


def test_what_was_there_before_stays_and_is_told(install, run, root):
    (root / "etc/edge-agent").mkdir(parents=True)
    (root / SETTINGS).write_text('url = "https://a"\nqueues = ["q"]\n')
    (root / "etc/edge-agent/policy.toml").write_text("# mine\n")
    before = tree(root)
    install("--no-start")
    said = run("uninstall")
    assert "Kept, as it was there before: /etc/edge-agent/agent.toml" in said
    assert tree(root).keys() == before.keys()


def test_a_policy_that_somebody_wrote_meanwhile_stays_and_is_told(install, run, root):
    install(*SITE)
    (root / "etc/edge-agent/policy.toml").write_text("# mine\n")
    assert "Kept, as somebody wrote it or another agent obeys it: /etc/edge-agent/policy.toml" in run("uninstall")
    assert [name for name in tree(root) if name.count("/") > 1] == ["etc/edge-agent/policy.toml"]


def test_a_dry_run_of_a_removal_shows_it_and_does_nothing(install, run, root):
    install(*SITE)
    before = tree(root)
    said = run("uninstall", "--dry-run")
    assert f"remove /{SETTINGS}: to be done" in said
    assert "remove /etc/edge-agent: to be done, if what is before it leaves nothing in it" in said
    assert tree(root) == before


def test_a_removal_speaks_of_the_journal_only_where_there_is_one(install, run, root):
    for words, is_said in (((), True), (("--no-systemd",), False)):
        install(*SITE, *words)
        assert ("The journal keeps the agent's log." in run("uninstall", *words)) is is_said


def test_a_directory_that_is_not_there_is_refused_with_what_to_do(run, root):
    root.rmdir()
    assert f"there is no directory {root}; make it first" in run("install", code=1)


def test_a_state_directory_that_is_kept_is_gone_on_with_or_taken_away_later(install, run, root):
    for again in (("install", *SITE, "--program", "/opt/x"), ("uninstall",)):
        install(*SITE)
        (root / "var/lib/edge-agent/attempts").mkdir(exist_ok=True)
        said = run("uninstall", "--keep-state")
        assert "Kept, with what it holds and the user who owns it: /var/lib/edge-agent" in said
        files = [name for name, (mode, _) in tree(root).items() if mode.startswith("-")]
        assert files == ["etc/edge-agent/installed.json"]
        run(*again)
    assert tree(root) == {}


def test_what_is_not_installed_is_not_taken_off(run):
    assert "No agent is installed here" in run("uninstall", code=1)


def test_a_record_that_cannot_be_read_is_told(install, run, root):
    install(*SITE)
    (root / Layout().record.relative_to("/")).write_text("nonsense")
    assert "installed.json of what was installed cannot be read" in run("uninstall", code=1)
    assert "cannot be read" in install(code=1)


def test_every_step_is_one_that_says_what_it_is():
    assert Step.__abstractmethods__ == {"title", "due", "do"}
