"""What a policy lets start, and what it says about the rest."""

from __future__ import annotations

import os
import pwd
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import CannotStart, PolicyError
from edge_agent.policy.admission import Refusal
from edge_agent.policy.document import Document
from edge_agent.policy.environment import refused_names
from edge_agent.policy.policy import Policy
from edge_agent.protocol import JobKind
from tests.unit.protocol.examples import OFFER

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(autouse=True)
def agent_of_nobody(monkeypatch):
    """Let the agent be of a user without rights."""
    monkeypatch.setattr("os.geteuid", lambda: NOBODY.pw_uid)


@pytest.fixture
def agent_of_root(monkeypatch):
    """Let the agent be root's."""
    monkeypatch.setattr("os.geteuid", lambda: 0)


def policy(text):
    return Policy(Document.model_validate(tomllib.loads(text)), serves=["onprem"])


def admit(text, command="true", *, kind=JobKind.COMMAND, queue="onprem", **payload):
    offer = OFFER.model_copy(update={"kind": kind, "queue": queue})
    return policy(text).admit(offer, payload if kind is JobKind.TASK else {"command": command, **payload})


def refused(*arguments, **payload):
    with pytest.raises(Refusal) as refusal:
        admit(*arguments, **payload)
    assert f"{refusal.value.rule!r} of the host's policy" in str(refusal.value)
    return refusal.value.rule, str(refusal.value)


LISTED = """
[[command]]
name = "say"
argv = ["/bin/echo", "{day:date}"]
"""
SAY = ["/bin/echo", "2026-11-21"]
SHELL = "commands.allow = 'shell'\n"
ARGV = "commands.allow = 'argv'\n"
TASK = {"workload": {"type": "ExecuteTask"}}


def test_without_a_policy_no_command_runs_and_tasks_do():
    assert Policy(None).kinds((JobKind.TASK, JobKind.COMMAND), is_asked=False) == (JobKind.TASK,)
    rule, said = refused("", "true")
    assert rule == "kinds"
    assert "No command may run on this host until somebody lists it: add it to /etc/edge-agent/policy.toml" in said
    assert admit("", kind=JobKind.TASK, **TASK).payload["workload"] == TASK["workload"]


def test_without_a_policy_an_agent_of_root_runs_nothing(agent_of_root):
    with pytest.raises(PolicyError, match="Tasks would run as root") as refusal:
        Policy(None).kinds((JobKind.TASK, JobKind.COMMAND), is_asked=False)
    assert "No command may run" in str(refusal.value)


def test_a_kind_somebody_asked_for_is_not_left_out_silently():
    with pytest.raises(PolicyError, match="until somebody lists it"):
        Policy(None).kinds((JobKind.TASK, JobKind.COMMAND), is_asked=True)


def test_a_kind_that_is_not_allowed_is_not_taken():
    text = f"kinds = ['command']\n{LISTED}"
    assert policy(text).kinds((JobKind.TASK, JobKind.COMMAND), is_asked=False) == (JobKind.COMMAND,)
    assert refused(text, kind=JobKind.TASK, **TASK)[0] == "kinds"


def test_a_job_of_another_queue_is_refused():
    rule, said = refused(f"queues = ['reports']\n{LISTED}", SAY)
    assert rule == "queues"
    assert "it comes from the queue 'onprem'" in said
    assert admit(f"queues = ['onprem']\n{LISTED}", SAY)


def test_without_queues_in_the_policy_those_of_the_agent_count_whatever_the_server_says():
    rule, said = refused(LISTED, SAY, queue="payroll")
    assert rule == "queues"
    assert "it comes from the queue 'payroll'. Add that to EDGE_AGENT_QUEUES." in said


def test_a_listed_command_is_let_run_and_nothing_else_is():
    assert admit(LISTED, SAY).payload["command"] == SAY
    assert "it is not 'say': argument 1, {day:date}, must be a date" in refused(LISTED, ["/bin/echo", "x"])[1]
    assert refused(LISTED, ["/bin/date", "2026-11-21"])[0] == "command"
    assert refused(LISTED, ["/bin/echo", "2026-11-21", "x"])[0] == "command"


def test_a_text_for_a_shell_is_refused_unless_it_is_allowed():
    for text in (LISTED, ARGV):
        rule, said = refused(text, "/bin/echo 2026-11-21")
        assert rule == "commands.allow"
        assert "Send a list of words" in said
    assert admit(SHELL, "echo $HOME").payload["command"] == "echo $HOME"
    assert admit(ARGV, ["echo", "$HOME"]).payload["command"] == ["echo", "$HOME"]


def test_a_slip_is_refused_by_name_unless_the_command_is_listed():
    assert refused(SHELL, "reboot")[0] == "lint.reboot"
    assert refused(ARGV, ["/sbin/reboot"])[0] == "lint.reboot"
    assert admit(SHELL + "lint.skip = ['reboot']", "reboot")
    assert admit("[[command]]\nname='again'\nargv=['/bin/echo', 'x', ';', 'reboot']", ["/bin/echo", "x", ";", "reboot"])


def test_a_program_that_others_can_change_is_refused(tmp_path):
    (program := tmp_path / "run.sh").touch(mode=0o755)
    program.chmod(0o777)
    text = f"[[command]]\nname='x'\nargv=['{program}']"
    rule, said = refused(text, [str(program)])
    assert rule == "command.x"
    assert f"others could change its program: {program} can be written by everybody" in said
    program.unlink()
    assert "cannot be looked at: No such file" in refused(text, [str(program)])[1]


def test_what_runs_is_the_file_that_was_looked_at(tmp_path):
    (program := tmp_path / "run.sh").touch(mode=0o755)
    (link := tmp_path / "link").symlink_to(program)
    text = f"[[command]]\nname='x'\nargv=['{link}']"
    payload = admit(text, [str(link)], executable="/bin/other").payload
    assert (payload["command"], payload["executable"]) == ([str(link)], str(program))
    assert admit(ARGV, ["true"], executable="/bin/other").payload["executable"] is None


def test_variables_are_refused_unless_they_are_named():
    rule, said = refused(LISTED, SAY, env={"COLOUR": "blue", "LD_PRELOAD": "/x.so"})
    assert rule == "command.say.env"
    assert "it sets COLOUR, LD_PRELOAD" in said
    assert "blue" not in said
    assert admit(LISTED + "env = ['COLOUR']", SAY, env={"COLOUR": "blue"}).payload["env"] == {"COLOUR": "blue"}


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_trace_of_its_task_needs_no_rule_and_nothing_else_comes_in_its_place():
    assert admit(LISTED, SAY, traceparent=TRACE).payload["env"] == {"TRACEPARENT": TRACE}
    assert admit(LISTED, SAY, traceparent="LD_PRELOAD").payload["env"] == {}
    rule, _ = refused(LISTED, SAY, env={"TRACEPARENT": TRACE})
    assert rule == "command.say.env", "what a command sets itself is still for the policy to allow"
    own = {"TRACEPARENT": "its own"}
    assert admit(LISTED + "env = ['TRACEPARENT']", SAY, env=own, traceparent=TRACE).payload["env"] == own


@pytest.mark.parametrize(
    "name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "BASH_ENV", "IFS", "ld_preload", "NODE_OPTIONS", "HOME"]
)
def test_no_wildcard_means_what_decides_which_code_is_loaded(name):
    assert refused_names([name], ["*"]) == [name]
    assert refused_names([name], [name[:2] + "*"]) == [name]
    assert refused_names([name], [name]) == []


@given(names=st.lists(st.text(min_size=1, max_size=12)), allowed=st.lists(st.sampled_from(["A", "B_*", "COLOUR"])))
def test_a_variable_is_let_through_by_its_name_or_beginning_alone(names, allowed):
    for name in set(names) - set(refused_names(names, allowed)):
        assert name in allowed or any(each.endswith("*") and name.startswith(each[:-1]) for each in allowed)


def test_a_listed_command_begins_where_the_policy_says(tmp_path):
    assert admit(LISTED, SAY).payload["cwd"] is None
    assert refused(LISTED, SAY, cwd="/srv")[0] == "command.say.directories"
    text = LISTED + f"directories = ['{tmp_path}']"
    (tmp_path / "in").mkdir()
    assert admit(text, SAY, cwd=f"{tmp_path}/in").payload["cwd"] == f"{tmp_path}/in"
    assert admit(text, SAY, cwd=str(tmp_path)).payload["cwd"] == str(tmp_path)
    (tmp_path / "out").symlink_to("/etc")
    for elsewhere in ("/etc", f"{tmp_path}/../x", f"{tmp_path}/out"):
        assert refused(text, SAY, cwd=elsewhere)[0] == "command.say.directories"


def test_any_command_may_begin_anywhere_unless_directories_are_named():
    assert admit(ARGV, ["true"], cwd="/srv").payload["cwd"] == "/srv"
    assert refused(ARGV + "commands.directories = ['/var']", ["true"], cwd="/srv")[0] == "commands.directories"


def test_a_command_runs_as_the_agents_own_user_who_need_not_be_named():
    assert admit(LISTED, SAY).payload["run_as_user"] is None
    assert admit(LISTED, SAY, run_as_user="nobody").payload["run_as_user"] is None
    rule, said = refused(LISTED, SAY, run_as_user="daemon")
    assert rule == "command.say.run_as_users"
    assert "it would run as daemon" in said


def test_an_agent_of_root_runs_nothing_as_root_unless_root_is_named(agent_of_root):
    assert "it would run as root" in refused(LISTED, SAY)[1]
    assert admit(LISTED + "run_as_user = 'daemon'", SAY).payload["run_as_user"] == "daemon"
    assert refused(LISTED + "run_as_user = 'daemon'", SAY, run_as_user="root")[0] == "command.say.run_as_users"
    assert admit(LISTED + "run_as_user = 'root'", SAY).payload["run_as_user"] is None
    assert admit(LISTED + "run_as_users = ['daemon']", SAY, run_as_user="daemon").payload["run_as_user"] == "daemon"


def test_a_listed_command_says_its_own_and_takes_the_rest_from_all_commands(agent_of_root):
    general = "commands.run_as_users = ['daemon', 'games']\ncommands.limits = { time_seconds = 60, open_files = 9 }\n"
    text = general + LISTED + "run_as_users = ['games']\nlimits = { time_seconds = 5 }"
    admission = admit(text, SAY, run_as_user="games")
    assert admission.time_seconds == 5
    assert admission.payload["limits"] == {"open_files": 9}
    assert refused(text, SAY, run_as_user="daemon")[0] == "command.say.run_as_users"


def test_what_a_job_says_of_its_own_limits_and_privileges_does_not_count():
    payload = admit(LISTED, SAY, limits={"time_seconds": 10**6}, new_privileges=True).payload
    assert (payload["limits"], payload["new_privileges"]) == ({}, False)


def test_a_command_that_makes_no_sense_is_refused_as_such():
    with pytest.raises(CannotStart, match="The command cannot be read"):
        admit(LISTED, [])


def test_workloads_are_let_run_by_their_kind():
    assert admit("", kind=JobKind.TASK, workload={"type": "ExecuteCallback"})
    rule, said = refused("tasks.workloads = ['task']", kind=JobKind.TASK, workload={"type": "ExecuteCallback"})
    assert rule == "tasks.workloads"
    assert "it is a ExecuteCallback" in said


@pytest.mark.parametrize("workload", [{"type": "Other"}, {}, {"type": ["ExecuteTask"]}])
def test_a_workload_of_no_known_kind_is_refused(workload):
    assert refused("", kind=JobKind.TASK, workload=workload)[0] == "tasks.workloads"


@pytest.mark.parametrize("payload", [{}, {"workload": None}, {"workload": []}, {"workload": "x"}])
def test_a_payload_without_a_workload_is_refused_as_such(payload):
    with pytest.raises(CannotStart, match="The payload holds no workload"):
        admit("", kind=JobKind.TASK, **payload)


def test_tasks_of_an_agent_of_root_need_a_user(agent_of_root):
    assert "Tasks would run as root" in policy(LISTED).why_not(JobKind.TASK)
    assert policy("tasks.run_as_user = 'root'").why_not(JobKind.TASK) is None
    assert admit("tasks.run_as_user = 'root'", kind=JobKind.TASK, **TASK).payload["run_as_user"] is None


def test_tasks_run_as_whom_the_policy_says_or_lets_them_ask_for(agent_of_root):
    text = "tasks.run_as_user = 'daemon'\ntasks.run_as_users = ['games']"
    assert admit(text, kind=JobKind.TASK, **TASK).payload["run_as_user"] == "daemon"
    assert admit(text, kind=JobKind.TASK, run_as_user="games", **TASK).payload["run_as_user"] == "games"
    rule, said = refused(text, kind=JobKind.TASK, run_as_user="root", **TASK)
    assert (rule, "it would run as root" in said) == ("tasks.run_as_users", True)
    assert refused(text, kind=JobKind.TASK, run_as_user=["root"], **TASK)[0] == "tasks.run_as_users"
    with pytest.raises(CannotStart, match="whom this host does not know"):
        admit("tasks.run_as_user = 'nobody-of-that-name'", kind=JobKind.TASK, **TASK)


@pytest.mark.parametrize("kind", ["ExecuteCallback", "TestConnection"])
def test_what_cannot_become_another_user_is_refused(agent_of_root, kind):
    rule, said = refused("tasks.run_as_user = 'daemon'", kind=JobKind.TASK, workload={"type": kind})
    assert rule == "tasks.run_as_user"
    assert "which cannot run as daemon" in said
    assert admit("tasks.run_as_user = 'root'", kind=JobKind.TASK, workload={"type": kind})


def test_an_agent_that_is_not_root_runs_tasks_as_itself_alone():
    assert refused("", kind=JobKind.TASK, run_as_user="daemon", **TASK)[0] == "tasks.run_as_users"
    with pytest.raises(CannotStart, match="which only an agent of root can do"):
        admit("tasks.run_as_users = ['daemon']", kind=JobKind.TASK, run_as_user="daemon", **TASK)


def test_it_says_what_it_comes_to(tmp_path):
    (program := tmp_path / "run.sh").touch(mode=0o777)
    program.chmod(0o777)
    found = list(policy(f"{LISTED}[[command]]\nname='x'\nargv=['{program}']").findings(tuple(JobKind)))
    assert [is_well for is_well, _ in found] == [True, True, True, False]
    assert "tasks run as nobody" in found[1][1]
    assert "those listed: say, x; as nobody, unless they ask for another" in found[2][1]
    assert "command 'x' would be refused: others could change its program" in found[3][1]
    assert next(iter(Policy(None).findings(()))) == (True, "there is no /etc/edge-agent/policy.toml")


def test_it_says_that_an_agent_of_root_runs_commands_only_as_whom_they_ask_for(agent_of_root):
    assert "as the user they ask for" in list(policy(LISTED).findings((JobKind.COMMAND,)))[1][1]
    text = LISTED + "[commands]\nrun_as_user = 'daemon'"
    assert "as daemon, unless" in list(policy(text).findings((JobKind.COMMAND,)))[1][1]


def test_the_agents_user_may_have_no_name(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    assert admit(LISTED, SAY).payload["run_as_user"] is None
    assert os.geteuid() == 54321
