"""The page of agents: searched, filtered, sorted and cut by the database, however many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from sqlalchemy import String, and_, case, cast, exists, func, or_, select, true

from airflow_plugin import clock
from airflow_plugin.errors import Invalid
from airflow_plugin.models import AgentRow, TokenRow
from airflow_plugin.queue import agent_health
from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.agent_views import AgentView, in_hand, rows, views
from airflow_plugin.queue.callees import AGENT_NAME

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Subquery, TableValuedAlias
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

SORTS = ("name", "health", "last_seen", "used", "running", "registered", "version")
SORT_PATTERN = f"^-?({'|'.join(SORTS)})$"
MOST_FACETS = 1000
"""Of capabilities to choose from: a value that is another on each host is no choice."""

QUEUES = func.coalesce(AgentRow.queues_override, AgentRow.queues)
"""Those in force."""


class AgentCounts(BaseModel):
    """How many agents there are of each health, and how many are cordoned, whatever their health."""

    healthy: int
    late: int
    lost: int
    offline: int
    cordoned: int


class AgentsPage(BaseModel):
    """Some agents, and what there is to choose from."""

    agents: list[AgentView]
    total: int = Field(description="How many agents the filters let pass.")
    all: int = Field(description="How many agents there are.")
    counts: AgentCounts = Field(description="Of all agents.")
    queues: list[str] = Field(description="Served by any agent.")
    capabilities: list[str] = Field(description="Of any agent, as the filter takes them: a name, or name=value.")
    server_time: datetime


@dataclass(frozen=True, kw_only=True)
class AgentSearch:
    """Which agents, in what order, and which part of them.

    ``search``: a part of name, hostname or address, in any case. Of several queues, or healths, one is enough;
    capabilities must all be there: a name whose value is not false, or ``name=value``. ``sort``: one of ``SORTS``,
    with ``-`` before it the other way round; ties go by name.

    :raises Invalid: for an order that there is none of.
    """

    search: str | None = None
    queues: Sequence[str] = ()
    capabilities: Sequence[str] = ()
    health: Sequence[HealthStatus] = ()
    cordoned: bool | None = None
    token: str | None = None
    sort: str = "name"
    limit: int = 50
    offset: int = 0

    def __post_init__(self) -> None:
        """Refuse an order that there is none of."""
        if not re.fullmatch(SORT_PATTERN, self.sort):
            msg = f"agents are not sorted by {self.sort!r}; choose from {', '.join(SORTS)}, with - the other way round"
            raise Invalid(msg)


def page(session: Session, config: QueueConfig, wanted: AgentSearch) -> AgentsPage:
    """Return a page of agents. A handful of statements, each of which reads agents once."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    passes = and_(true(), *_conditions(config, wanted, is_postgres=is_postgres))
    health, is_cordoned = agent_health.status(config), AgentRow.cordoned_at.is_not(None)
    facts = {"all": func.count(), "total": _how_many(passes), "cordoned": _how_many(is_cordoned)}
    facts |= {each.value: _how_many(health == each.value) for each in HealthStatus}
    found = session.execute(
        select(clock.now().label("now"), *(fact.label(name) for name, fact in facts.items())).select_from(AgentRow)
    ).one()
    hand = in_hand()
    some = rows(config, hand).where(passes).order_by(*_order(session, config, wanted.sort, hand))
    return AgentsPage(
        agents=views(session.execute(some.limit(wanted.limit).offset(wanted.offset))),
        total=found.total,
        all=found.all,
        counts=AgentCounts(**{name: getattr(found, name) for name in AgentCounts.model_fields}),
        queues=_queues(session, is_postgres=is_postgres),
        capabilities=_capabilities(session, is_postgres=is_postgres),
        server_time=found.now,
    )


def _how_many(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((which, 1)))


def _conditions(config: QueueConfig, wanted: AgentSearch, *, is_postgres: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.search:
        names = AgentRow.name, AgentRow.hostname, AgentRow.address
        conditions.append(or_(*(name.icontains(wanted.search, autoescape=True) for name in names)))
    if wanted.queues:
        one = _elements(QUEUES, is_postgres=is_postgres)
        conditions.append(exists().select_from(one).where(one.c.value.in_(wanted.queues)))
    conditions += [_has(words, is_postgres=is_postgres) for words in wanted.capabilities]
    if wanted.health:
        conditions.append(agent_health.status(config).in_(wanted.health))
    if wanted.cordoned is not None:
        conditions.append(AgentRow.cordoned_at.is_not(None) if wanted.cordoned else AgentRow.cordoned_at.is_(None))
    if wanted.token is not None:
        named = select(TokenRow.id).where(TokenRow.name == wanted.token)
        conditions.append(AgentRow.token_id == named.scalar_subquery())
    return conditions


def _has(words: str, *, is_postgres: bool) -> ColumnElement[bool]:
    """Return whether an agent has a capability at all, or with that value."""
    name, has_value, value = words.partition("=")
    one = _pairs(AgentRow.capabilities, is_postgres=is_postgres)
    said = _text_of(one, is_postgres=is_postgres)
    of_value = said == value if has_value else said != "false"
    return exists().select_from(one).where(one.c.key == name, of_value)


def _order(session: Session, config: QueueConfig, sort: str, hand: Subquery) -> list[ColumnElement[Any]]:
    columns: dict[str, ColumnElement[Any] | None] = {
        "name": None,
        "health": case(
            {each.value: place for place, each in enumerate(HealthStatus)}, value=agent_health.status(config)
        ),
        "last_seen": AgentRow.last_seen_at.expression,
        "used": func.coalesce(hand.c.slots, 0),
        "running": func.coalesce(hand.c.running, 0),
        "registered": AgentRow.registered_at.expression,
        "version": _version_order(session) if sort.endswith("version") else None,
    }
    is_descending, first = sort.startswith("-"), columns[sort.removeprefix("-")]
    if first is None:
        return [AgentRow.name.desc() if is_descending else AgentRow.name.asc()]
    return [first.desc() if is_descending else first.asc(), AgentRow.name.asc()]


def _version_order(session: Session) -> ColumnElement[Any] | None:
    """Return the place of an agent's version among those that there are; 0.10 comes after 0.9."""
    version = AgentRow.versions["agent"].as_string()
    known = [each for each in session.scalars(select(version).distinct()) if each is not None]
    known.sort(key=version_key)
    return case({each: place for place, each in enumerate(known)}, value=version, else_=-1) if known else None


def version_key(version: str) -> list[int]:
    """Return the numbers in a version, whatever else stands between them."""
    return [int(number) for number in re.findall(r"\d+", version)]


def _queues(session: Session, *, is_postgres: bool) -> list[str]:
    one = _elements(QUEUES, is_postgres=is_postgres)
    return sorted(session.scalars(select(one.c.value).distinct().select_from(AgentRow).join(one, true())))


def _capabilities(session: Session, *, is_postgres: bool) -> list[str]:
    one = _pairs(AgentRow.capabilities, is_postgres=is_postgres)
    said = _text_of(one, is_postgres=is_postgres)
    found = select(one.c.key, said.label("value")).distinct().select_from(AgentRow).join(one, true())
    chosen = session.execute(
        found.where(said != "false", one.c.key != AGENT_NAME).order_by("key", "value").limit(MOST_FACETS)
    )
    return [row.key if row.value == "true" else f"{row.key}={row.value}" for row in chosen]


def _elements(column: Any, *, is_postgres: bool) -> TableValuedAlias:
    """Return the elements of a JSON list as rows with a ``value``."""
    each = func.json_array_elements_text if is_postgres else func.json_each
    return each(column).table_valued("value").render_derived() if is_postgres else each(column).table_valued("value")


def _pairs(column: Any, *, is_postgres: bool) -> TableValuedAlias:
    """Return what is in a JSON object as rows with ``key`` and ``value``."""
    if is_postgres:
        return func.json_each_text(column).table_valued("key", "value").render_derived()
    return func.json_each(column).table_valued("key", "value", "type")


def _text_of(one: TableValuedAlias, *, is_postgres: bool) -> ColumnElement[str]:
    """Return a value of :func:`_pairs` as JSON writes it: SQLite makes numbers of true and false."""
    if is_postgres:
        return one.c.value
    return case((one.c.type.in_(["true", "false"]), one.c.type), else_=cast(one.c.value, String))
