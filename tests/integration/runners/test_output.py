"""What a command says arrives byte for byte, and what it is given is what was asked for."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import shlex
import sys

import pytest

from edge_agent.protocol import EndReason, JobState
from tests.support.runner_bed import CHUNK_BYTES, RunnerBed
from tests.support.runners import end_tmux, runner_named
from tests.support.waiting import wait_until_async

LINE = b"0123456789abcde\n"

CONTENTS = {
    "not UTF-8": b"caf\xe9 \xff\xfe\xc3\x28\n" * 50,
    "NUL bytes": b"a\0b\0\0c\n" * 50,
    "no line end": b"the last line has no end",
    "a line of 10 MB": b"x" * 10_000_000 + b"\n",
    "a character on the edge of a chunk": b"a" * (CHUNK_BYTES - 1) + "é€😀".encode() * 700,
    "what moves a terminal": b"\x1b[2J\x1b[31mred\r\nover\b\b\x07\x04\x03\x1b[6n\n",
    "carriage returns": b"10 %\r20 %\r100 %\r\n",
}


@pytest.mark.parametrize("what", CONTENTS)
async def test_output_arrives_byte_for_byte(bed, tmp_path, what):
    (file := tmp_path / "content").write_bytes(CONTENTS[what])
    bed.chunk_bytes = CHUNK_BYTES if len(CONTENTS[what]) < 1_000_000 else 1_000_000
    job = await bed.run(["cat", str(file)])
    assert hashlib.sha256(job.log).digest() == hashlib.sha256(CONTENTS[what]).digest()
    assert job.ending.log_bytes == len(CONTENTS[what])


async def test_100_mb_of_fast_output_arrive_byte_for_byte(bed):
    bed.chunk_bytes = 1_000_000
    size = 100_000_000
    job = bed.begin(f"yes 0123456789abcde | head -c {size}")
    ending = await job.ended(timeout=120)
    assert (ending.state, ending.log_bytes) == (JobState.SUCCEEDED, size)
    assert hashlib.sha256(job.log).digest() == hashlib.sha256(LINE * (size // len(LINE))).digest()


async def test_both_outputs_are_one_in_the_order_they_were_written(bed):
    job = await bed.run("echo one; echo two >&2; echo three; echo four >> /dev/stderr")
    assert bytes(job.log) == b"one\ntwo\nthree\nfour\n"


async def test_what_opens_its_outputs_by_name_takes_nothing_of_the_log_away(bed):
    """As a file they would be emptied, and what was not delivered yet would be gone."""
    job = await bed.run("echo one; echo two > /dev/stdout; echo three > /dev/stderr; echo four; : > /dev/stdout")
    assert bytes(job.log) == b"one\ntwo\nthree\nfour\n"


async def test_a_command_cannot_cut_its_log(bed):
    cut = "import os\nos.write(1, b'one\\n')\ntry: os.ftruncate(1, 0)\nexcept OSError as error: print(error.strerror)"
    job = await bed.run([sys.executable, "-c", cut])
    assert bytes(job.log) == b"one\nInvalid argument\n"


async def test_what_is_left_running_may_go_on_talking_to_nobody(bed, tmp_path):
    """It is not ended for it, nor is the log any longer."""
    gate, said = tmp_path / "gate", tmp_path / "said"
    job = await bed.run(
        f"(until [ -e {gate} ]; do echo again; sleep 0.05; done; head -c 200000 /dev/zero; echo $? > {said}) & echo $!"
    )
    size = job.ending.log_bytes
    gate.touch()
    await wait_until_async(
        lambda: said.exists() and said.read_text(), until=lambda text: text == "0\n", what="it is heard"
    )
    assert len(job.log) == size < 1000


async def test_output_that_cannot_be_written_is_told_and_does_not_stop_the_command(bed, tmp_path):
    gate = tmp_path / "gate"
    job = bed.begin(f"echo up; until [ -e {gate} ]; do sleep 0.05; done; head -c 200000 /dev/zero; exit 3")
    await job.says(b"up")
    wrapper = job.attempt.identity().pid
    resource.prlimit(wrapper, resource.RLIMIT_FSIZE, (4096, 4096))
    gate.touch()
    ending = await job.ended()
    assert (ending.reason, ending.exit_code, ending.log_bytes) == (EndReason.EXIT, 3, 4096)
    assert ending.message == "The rest of its output could not be written: [Errno 27] File too large"


async def test_the_environment_is_the_agents_without_its_settings_and_with_what_was_asked_for(bed, monkeypatch):
    """Also for a tmux server that was started long before the agent."""
    monkeypatch.setenv("EDGE_AGENT_TOKEN", "planted-agent-token")
    monkeypatch.setenv("COLOUR", "red 'and' \"blue\"\nin two lines")
    job = await bed.run(
        "printf %s \"$COLOUR\"; echo; env | grep -c -e '^EDGE_AGENT_' -e '^TMUX'; echo $SIZE", env={"SIZE": "7 cm"}
    )
    assert job.log.decode() == "red 'and' \"blue\"\nin two lines\n0\n7 cm\n"


@pytest.mark.parametrize("folder", ["plain", "with space", 'it\'s "quoted"', "$HOME; #{x} *"])
async def test_the_working_directory_is_the_one_asked_for(bed, tmp_path, folder):
    (here := tmp_path / folder).mkdir()
    job = await bed.run("pwd", cwd=str(here))
    assert job.log.decode() == f"{here}\n"


async def test_without_one_it_is_the_home_directory(bed, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (await bed.run("pwd")).log.decode() == f"{tmp_path}\n"


@pytest.mark.parametrize("home", ["/nonexistent", "", None])
async def test_an_agent_whose_user_has_no_home_starts_commands_in_the_root_directory(bed, monkeypatch, home):
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    assert (await bed.run("pwd")).log == b"/\n"


async def test_a_working_directory_that_is_not_there_is_told(bed):
    job = await bed.run("pwd", cwd="/no/such/folder")
    assert (job.ending.reason, job.ending.exit_code) == (EndReason.EXIT, 127)
    assert b"/no/such/folder" in job.log


async def test_the_umask_does_not_depend_on_how_the_agent_was_started(bed):
    before = os.umask(0o077)
    try:
        job = await bed.run("umask")
    finally:
        os.umask(before)
    assert job.log == b"0022\n"


WORDS = ["two words", "it's", 'say "x"', "$HOME", "`id`", "a;b", ";", "*", "\\n", "#{pid}", "-n", "", "new\nline", "é€"]


async def test_words_arrive_as_they_are(bed):
    job = await bed.run(["printf", "<%s>\n", *WORDS])
    assert job.log.decode() == "".join(f"<{word}>\n" for word in WORDS)


async def test_a_text_goes_to_the_shell_as_it_is(bed):
    job = await bed.run(f"printf '<%s>\\n' {shlex.join(WORDS)}; x='a  b'; echo \"$x\" # ; done")
    assert job.log.decode() == "".join(f"<{word}>\n" for word in WORDS) + "a  b\n"


ODD = 'it\'s "odd" $HOME; #{x} *'


async def test_names_of_files_folders_variables_and_jobs_may_be_odd(name, tmp_path_factory):
    """The state directory's, the program's, the working directory's: with spaces, quotes and more."""
    folder = tmp_path_factory.mktemp("o") / ODD
    state, tools = folder / "s", folder / "tools"
    tools.mkdir(parents=True)
    (program := tools / ODD).write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$1" "$ODD"; exit 7\n')
    program.chmod(0o755)
    runner = runner_named(name, state)
    try:
        await runner.prepare()
        async with asyncio.TaskGroup() as group:
            odd = RunnerBed(runner, state / "attempts", group)
            job = await odd.run([str(program), ODD], label=ODD, cwd=str(tools), env={"ODD": ODD})
    finally:
        end_tmux(state)
    assert job.log.decode() == f"{tools}\n{ODD}\n{ODD}\n"
    assert (await job.ended()).exit_code == 7


async def test_nothing_of_the_payload_is_on_a_command_line_before_the_commands_own(bed):
    """The agent's side starts a wrapper by its directory; what the job is given stands in a file."""
    job = await bed.run("cat /proc/$PPID/cmdline | tr '\\0' ' '", env={"PASSWORD": "planted"})
    assert b"planted" not in job.log
    assert b"/program/" in job.log
