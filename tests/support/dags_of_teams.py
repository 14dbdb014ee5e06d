"""Dags that belong to a team, which users of no team may not read."""

from __future__ import annotations

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.team import Team
from sqlalchemy.orm import Session


def add_dag(session: Session, dag_id: str, team: str | None = None) -> None:
    """Store a Dag in a bundle of its own, of a team or of none."""
    bundle = DagBundleModel(name=f"of-{dag_id}")
    if team is not None:
        bundle.teams.append(session.get(Team, team) or Team(name=team))
    session.add(bundle)
    session.flush()
    session.add(DagModel(dag_id=dag_id, bundle_name=bundle.name, fileloc="dag.py"))
