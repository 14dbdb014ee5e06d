"""A whole Airflow with one agent on this machine, until Ctrl-C: what `make demo` starts.

    python docs/demo/run.py [--once]

Everything is in a new temporary directory and on free ports. Nothing is left running, however it ends;
the directory stays only when something failed, so that its logs can be read.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from agent_host import AgentHost
from airflow_site import USER, AirflowSite
from keeper import Stopped, keep
from programs import DemoFailedError
from progress import Run, say, tell_what_the_agent_did

DAGS = Path(__file__).parent / "dags"
DAG = "onprem_demo"
AGENT = "demo-host"
QUEUE = "onprem"
RUN_SECONDS = 180
TAIL_LINES = 25


def main() -> int:
    """Run the demo; return its exit code: 0 when everything succeeded."""
    parser = argparse.ArgumentParser(description="A whole Airflow with one agent, until Ctrl-C.")
    parser.add_argument("--once", action="store_true", help="end after the first run has succeeded")
    once: bool = parser.parse_args().once
    home = Path(tempfile.mkdtemp(prefix="edge-agent-demo-"))
    code = keep(partial(demo, home, once=once))
    say("Done; nothing is left running.")
    if code in (0, 130, 143):
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"\nEverything the demo wrote is in {home}", file=sys.stderr)
    return code


def demo(home: Path, *, once: bool) -> int:
    """Show everything; return the exit code."""
    site = AirflowSite(home / "site", DAGS)
    hosts: list[AgentHost] = []
    try:
        show(site, hosts, home / "host")
        if not once:
            stay(site, hosts)
    except DemoFailedError as error:
        return explain(error)
    finally:
        say("Stopping: the agent first, then Airflow.")
        for host in hosts:
            host.end()
        site.end()
    return 0


def show(site: AirflowSite, hosts: list[AgentHost], home: Path) -> None:
    """Start everything and run the Dag once.

    :raises DemoFailedError: when something does not work.
    """
    say("Airflow: making its database (SQLite). The queue's tables come with it.")
    site.migrate()
    say("Airflow: creating a token for the agent, starting api-server, scheduler, dag-processor, triggerer.")
    site.start()
    token = site.create_token(AGENT, QUEUE)
    site.wait_until_healthy()
    hosts.append(host := AgentHost(home, DAGS, name=AGENT, queue=QUEUE, url=site.url, token=token))
    say("Host: starting `edge-agent run` in a home of its own. Beside HOME and PATH its environment holds")
    for name, value in host.given.items():
        print(f"            {name}={value}")
    host.start()
    site.wait_for_dag(DAG)
    say(f'Running the Dag {DAG}: every task has executor="EdgeAgentExecutor", queue="{QUEUE}".')
    run = Run(site, DAG)
    run.follow(partial(must_run, site, hosts), RUN_SECONDS)
    tell(site, run)


def tell(site: AirflowSite, run: Run) -> None:
    """Print what happened, and where to look further."""
    say("Succeeded. What the agent executed:")
    tell_what_the_agent_did(site)
    say(f"add_up returned {run.value_of('add_up')}. The log of `shell`, from Airflow's API:")
    for line in run.log_of("shell"):
        print(f"    {line}")
    say()
    print(f"    Airflow's page  {site.url}  (user {USER}, password {site.password})")
    print(f"    this run        {run.page}")
    print(f"    as an admin     {site.command_line} edge-agent agents list")


def stay(site: AirflowSite, hosts: list[AgentHost]) -> None:
    """Stay up until somebody stops this, which is then a good end.

    :raises DemoFailedError: when a part ends by itself.
    """
    say("Everything stays up until Ctrl-C.")
    with suppress(Stopped):
        while True:
            for host in [host for host in hosts if host.has_left]:
                say(f"{host.name} was told to leave, and has left. Airflow stays up.")
                hosts.remove(host)
            must_run(site, hosts)
            time.sleep(1)


def must_run(site: AirflowSite, hosts: list[AgentHost]) -> None:
    """Raise when a part has ended.

    :raises DemoFailedError: with its log.
    """
    site.must_run()
    for host in hosts:
        host.must_run()


def explain(error: DemoFailedError) -> int:
    """Say what went wrong, with the ends of the logs that tell more."""
    print(f"\nThe demo failed: {error}", file=sys.stderr)
    for log in error.logs:
        if log.exists():
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
            print(f"\n--- the end of {log}", *lines, sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
