"""A site that keeps its data: what tasks read there, they may use, and only what they mean to tell leaves."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Connection, Variable, dag, task

SITE = {"executor": "EdgeAgentExecutor", "queue": "home"}


def secret_of_the_site(context, name):
    """Return a text that is in a file of the host, and nowhere else."""
    return Path(context["params"]["folder"], name).read_text(encoding="utf-8")


@task(**SITE)
def large(**context):
    return [secret_of_the_site(context, "large")] * 500


@task(**SITE)
def reads(values):
    return [len(values), hashlib.sha256(values[-1].encode()).hexdigest()]


@task(**SITE)
def small(**context):
    return secret_of_the_site(context, "small")


@task(**SITE)
def says(**context):
    print("said:", secret_of_the_site(context, "line"), flush=True)
    print("in the environment:", len(os.environ["SITE_ONLY"]), flush=True)


@task(**SITE)
def connects():
    print("unknown here:", Variable.get("home_unknown", default="none"), flush=True)
    found = Connection.get("site_db")
    print("connecting as", found.login, "with", found.password, flush=True)
    return hashlib.sha256(found.password.encode()).hexdigest()


@task(**SITE)
def breaks(**context):
    raise RuntimeError(secret_of_the_site(context, "error"))


@dag(dag_id="home", schedule=None, params={"folder": "/nowhere"})
def home():
    """Use all that a site has for itself."""
    reads(large())
    small()
    says()
    connects()
    breaks()
    BashOperator(task_id="templated", bash_command="echo {{ var.value.site_greeting }}", do_xcom_push=False, **SITE)


@dag(dag_id="home_says", schedule=None, params={"folder": "/nowhere"})
def home_says():
    """Say one line."""
    says()


@dag(dag_id="home_connects", schedule=None, params={"folder": "/nowhere"})
def home_connects():
    """Use a connection."""
    connects()


home()
home_says()
home_connects()
