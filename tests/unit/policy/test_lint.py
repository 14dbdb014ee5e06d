"""The lint finds slips. That it finds no attack is said in its docs, and not tested here."""

from __future__ import annotations

import pytest

from edge_agent.policy.lint import DEFAULT, Lint


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("shutdown", "shutdown -h now"),
        ("shutdown", "sudo /sbin/poweroff"),
        ("shutdown", ["/sbin/shutdown", "now"]),
        ("shutdown", ["sh", "-c", "halt"]),
        ("reboot", "sync && reboot"),
        ("mkfs", "mkfs.ext4 /dev/sda1"),
        ("dd", "dd if=image of=/dev/sda bs=1M"),
        ("rm_root", "rm -rf /"),
        ("rm_root", "cd x; rm -r -f --no-preserve-root /*"),
        ("rm_root", ["rm", "-fR", "/"]),
        ("fork_bomb", ":(){ :|:& };:"),
        ("fork_bomb", "bomb() { bomb | bomb & }; bomb"),
    ],
)
def test_a_slip_is_named(name, command):
    assert Lint(DEFAULT).complaint(command) == name


@pytest.mark.parametrize(
    "command",
    [
        "echo the shutdown is tonight",
        "/opt/app/shutdown-report.sh --dry",
        "rm -rf /var/tmp/job",
        "rm -rf ./",
        "dd if=/dev/zero of=/data/file",
        "dd if=x of=/dev/null",
        ["python", "reboot_report.py"],
        "grep mkfs /var/log/syslog",
    ],
)
def test_an_everyday_command_is_let_be(command):
    assert Lint(DEFAULT).complaint(command) is None
