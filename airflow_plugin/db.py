"""The DB manager by which ``airflow db migrate`` makes, upgrades and downgrades our tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import column, inspect, select, table

from airflow_plugin.compat import BaseDBManager
from airflow_plugin.models import Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_HERE = Path(__file__).parent

SUPPORTED = ("postgresql", "sqlite")

RELEASES = {"0.1.0": "0002"}
"""The revision of the tables of each earlier release: what one can go back to by its name."""


class UnsupportedDatabaseError(RuntimeError):
    """The metadata database cannot hold the queue; the message says which ones can."""


def require_supported(dialect: str) -> None:
    """Refuse a database whose statements the queue does not speak.

    :raises UnsupportedDatabaseError: for anything but Postgres and SQLite. The claim needs
        ``UPDATE ... RETURNING``, which MySQL does not have.
    """
    if dialect not in SUPPORTED:
        msg = (
            f"airflow-edge-agent keeps its queue in Airflow's metadata database and needs Postgres "
            f"(or SQLite for trying it out); this one is {dialect!r}."
        )
        raise UnsupportedDatabaseError(msg)


def is_migrated(session: Session) -> bool:
    """Whether the tables are there, and those of this release. Says nothing, unlike ``check_migration``."""
    versions = table(EdgeAgentDBManager.version_table_name, column("version_num"))
    if not inspect(session.connection()).has_table(versions.name):
        return False
    heads = EdgeAgentDBManager(session).get_script_object().get_heads()
    return set(session.scalars(select(versions.c.version_num))) == set(heads)


class EdgeAgentDBManager(BaseDBManager):
    """Manages ``edge_agent*``. Found through provider info: nothing to configure."""

    metadata = Base.metadata
    version_table_name = "alembic_version_edge_agent"
    migration_dir = (_HERE / "migrations").as_posix()
    alembic_file = (_HERE / "alembic.ini").as_posix()
    supports_table_dropping = True

    def initdb(self, use_migration_files: bool = True) -> None:  # noqa: FBT001, FBT002  the base's signature
        """Make the tables through the migrations, so that a new database and an upgraded one are alike."""
        require_supported(self.session.get_bind().dialect.name)
        super().initdb(use_migration_files=True)  # type: ignore[no-untyped-call]  # Airflow's

    def upgradedb(
        self,
        to_revision: str | None = None,
        from_revision: str | None = None,
        show_sql_only: bool = False,  # noqa: FBT001, FBT002  the base's signature
        use_migration_files: bool = True,  # noqa: FBT001, FBT002  the base's signature
    ) -> None:
        """Run the migrations up to ``to_revision``, or to the newest."""
        require_supported(self.session.get_bind().dialect.name)
        super().upgradedb(to_revision, from_revision, show_sql_only, use_migration_files=True)  # type: ignore[no-untyped-call]  # Airflow's

    def downgrade(
        self,
        to_revision: str,
        from_revision: str | None = None,
        show_sql_only: bool = False,  # noqa: FBT001, FBT002  the base's signature
    ) -> None:
        """Run the migrations down to ``to_revision``; ``base`` removes the tables."""
        from alembic import command

        revision: Any = f"{from_revision}:{to_revision}" if from_revision else to_revision
        config = self.get_alembic_config()
        command.downgrade(config, revision=revision, sql=show_sql_only)
