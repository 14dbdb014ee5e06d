"""The policy of a host, at work in a real agent."""

from __future__ import annotations

import os

import pytest

from edge_agent.protocol import EndReason, JobKind, JobState
from tests.integration.agent.steps import ended, running
from tests.support.agent_host import AgentHost
from tests.support.fake_queue import AGENT_TOKEN, Job
from tests.support.runner_bed import lives
from tests.support.waiting import wait_until

OWNER = 'run_as_user = "root"' if os.geteuid() == 0 else ""

LISTED = f"""
[commands]
{OWNER}

[[command]]
name = "say"
argv = ["/bin/echo", "{{day:date}}"]
"""


@pytest.fixture
def host_of(tmp_path, queue):
    """Give a function that makes a host with a policy; its agent ends with the test."""
    hosts = []

    def make(policy, **settings):
        variables = {f"EDGE_AGENT_{key.upper()}": str(value) for key, value in settings.items()}
        host = AgentHost(
            tmp_path / "h1",
            url=queue.url,
            name="h1",
            token=AGENT_TOKEN,
            queues=["q"],
            settings={"EDGE_AGENT_KINDS": "command", **variables},
            policy=policy,
        )
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.power_off()


def test_a_listed_command_runs_and_another_is_rejected_by_the_name_of_its_rule(queue, host_of):
    host_of(LISTED).start()
    listed, other = queue.submit(["/bin/echo", "2026-11-21"]), queue.submit(["/bin/echo", "-n"])
    assert (ended(listed).reason, bytes(listed.log)) == (EndReason.EXIT, b"2026-11-21\n")
    assert (ended(other).state, other.ending.reason) == (JobState.FAILED, EndReason.REJECTED)
    assert "rule 'command' of the host's policy: it is not 'say': argument 1" in other.ending.message
    assert other.ending.exit_code is None


def test_what_is_refused_leaves_no_trace_of_having_run(queue, host_of, tmp_path):
    host_of(LISTED).start()
    job = queue.submit(f"touch {tmp_path}/ran")
    assert ended(job).reason is EndReason.REJECTED
    assert not (tmp_path / "ran").exists()
    assert job.ending.ran_seconds is None


def test_only_what_is_allowed_is_advertised(queue, host_of):
    host_of(f"kinds = ['command']\n{LISTED}", kinds="auto").start()
    wait_until(lambda: queue.registrations, what="it registers", timeout=20)
    assert queue.registrations[-1].kinds == (JobKind.COMMAND,)


def test_a_job_of_a_queue_that_only_the_server_wants_is_rejected(queue, host_of):
    host_of(f"queues = ['q']\n{LISTED}").start()
    job = queue.submit_job(Job(payload={"command": ["/bin/echo", "2026-11-21"]}, queue="another"))
    assert ended(job).reason is EndReason.REJECTED
    assert "rule 'queues'" in job.ending.message


@pytest.mark.parametrize(
    ("policy", "settings", "words"),
    [
        (None, {}, "No command may run on this host until somebody lists it"),
        ("[command]", {}, "command: "),
        ("kind = ['task']", {}, "kind: there is no such key; did you mean 'kinds'?"),
        (f"queues = ['other']\n{LISTED}", {}, "EDGE_AGENT_QUEUES: the policy"),
        (LISTED, {"policy_file": "/no/such/policy.toml"}, "EDGE_AGENT_POLICY_FILE: there is no file"),
    ],
)
def test_an_agent_does_not_start_with_a_policy_it_cannot_keep(host_of, queue, policy, settings, words):
    host = host_of(policy, **settings).start()
    assert host.process.wait() == 2
    assert words in host.output()
    assert queue.registrations == []
    done = host.run("check")
    assert done.returncode == 1
    assert "FAIL policy: " in done.stdout
    assert words in done.stdout


def test_a_policy_that_others_can_write_is_not_obeyed(host_of):
    host = host_of(LISTED)
    host.policy.chmod(0o666)
    assert host.start().process.wait() == 2
    assert f"{host.policy} can be written by everybody" in host.output()
    assert f"chmod 644 {host.policy}" in host.run("check").stdout


def test_check_says_what_may_run(host_of):
    said = host_of(LISTED).run("check").stdout
    assert "ok   policy: commands: those listed: say" in said
    said = host_of("commands.allow = 'shell'").run("check").stdout
    assert "any program, and texts for a shell" in said


def test_what_runs_too_long_is_ended_and_reported_as_timeout(queue, host_of):
    host_of(f"commands.allow = 'shell'\ncommands.limits.time_seconds = 1\n{_owner()}", cancel_grace_seconds=0.5).start()
    job = queue.submit("trap '' TERM; echo up; while :; do sleep 0.05; done")
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.TIMEOUT)
    assert "'time_seconds'" in job.ending.message
    assert bytes(job.log) == b"up\n"


@pytest.mark.parametrize(
    ("own", "hosts", "words"),
    [
        (1, None, "It ran longer than its own timeout of 1 s, and was ended."),
        (1, 300, "It ran longer than its own timeout of 1 s, and was ended."),
        (300, 1, "the policy of its host allows ('time_seconds')"),
    ],
)
def test_a_command_may_have_a_time_of_its_own_and_not_more_than_its_host_allows(queue, host_of, own, hosts, words):
    """All it has started is ended with it, also what has left its process group."""
    policy = f"commands.limits.time_seconds = {hosts}\n" if hosts else ""
    host_of(f"commands.allow = 'shell'\n{policy}{_owner()}", cancel_grace_seconds=0.5).start()
    family = "trap '' TERM; sleep 300 & echo $!; setsid sleep 300 & echo $!; echo $$; wait; wait; wait"
    job = queue.submit(family, timeout_seconds=own)
    assert (ended(job).state, job.ending.reason) == (JobState.FAILED, EndReason.TIMEOUT)
    assert words in job.ending.message
    pids = job.log.split()
    assert len(pids) == 3
    wait_until(lambda: [pid for pid in pids if lives(pid)], until=lambda left: not left, what="all of it has ended")


def test_a_time_of_its_own_goes_on_under_the_next_agent(queue, host_of):
    host = host_of(f"commands.allow = 'shell'\n{_owner()}").start()
    job = running(queue.submit("echo up; exec sleep 300", timeout_seconds=4), until=b"up")
    host.crash()
    host.start()
    assert ended(job).message == "It ran longer than its own timeout of 4 s, and was ended."


@pytest.mark.parametrize("shell", ["sh", "bash", "pwsh"])
def test_a_shell_is_refused_with_its_text_where_only_words_are_allowed(queue, host_of, shell):
    host_of(f"commands.allow = 'argv'\n{_owner()}").start()
    refused = queue.submit("echo $BASH", shell=shell)
    assert ended(refused).reason is EndReason.REJECTED
    assert "rule 'commands.allow'" in refused.ending.message


def test_the_time_goes_on_while_the_agent_is_away(queue, host_of):
    host = host_of(f"commands.allow = 'shell'\ncommands.limits.time_seconds = 4\n{_owner()}").start()
    job = running(queue.submit("echo up; exec sleep 300"), until=b"up")
    host.crash()
    host.policy.write_text(LISTED)  # What was let run stays so, and so does its time.
    host.start()
    ending = ended(job)
    assert ending.reason is EndReason.TIMEOUT
    assert 4 <= (ending.ran_seconds or 0) < 60


def _owner():
    return f"commands.{OWNER}" if OWNER else ""
