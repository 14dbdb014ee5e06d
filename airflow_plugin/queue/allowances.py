"""What a token allows: which queues, agents and addresses, and how many of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from airflow_plugin.errors import Forbidden, Invalid
from edge_agent.protocol import NAME_PATTERN

if TYPE_CHECKING:
    from airflow_plugin.models import TokenRow

MAX_TEAM = 50
MAX_DESCRIPTION = 1000
MAX_ENTRIES = 100
"""Most queues, patterns, networks or users of one token."""

MAX_PATTERN = 250
"""As long as Airflow's names of connections and variables may be."""

_AGENT_PATTERN = r"[A-Za-z0-9._*?\[\]!-]{1,64}"
_USER = r"[A-Za-z0-9._][A-Za-z0-9._-]{0,31}\$?"


class TokenKind(StrEnum):
    """What a token is for."""

    AGENT = "agent"
    """Registers agents."""

    SUBMIT = "submit"
    """Submits commands; registers nobody."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What a token allows. The defaults allow an agent token everything, and a submit token no other user.

    ``queues``, ``agents`` (shell patterns of names) and ``addresses`` (networks in CIDR notation): None
    allows any. ``max_agents``: how many names may live on it. ``one_time``: the first name that registers
    is the only one for good. ``run_as_users``: users of the host whom commands may ask to run as.
    ``connections`` and ``variables`` (shell patterns of Airflow's names): what tasks on its agents may have of
    them; empty allows none.

    :raises Invalid: naming what makes no sense.
    """

    kind: TokenKind = TokenKind.AGENT
    description: str | None = None
    queues: Sequence[str] | None = None
    agents: Sequence[str] | None = None
    addresses: Sequence[str] | None = None
    team_name: str | None = None
    max_agents: int | None = None
    one_time: bool = False
    run_as_users: Sequence[str] | None = None
    connections: Sequence[str] | None = None
    variables: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot mean anything, or would let nobody in."""
        _are_words(self.queues, "queue", NAME_PATTERN, "letters, digits, '.', '_' and '-', at most 64 of them")
        _are_words(self.agents, "agent", _AGENT_PATTERN, "a name, or a pattern of names with * and ?")
        _are_words(self.run_as_users, "user", _USER, "as /etc/passwd has it")
        _are_networks(self.addresses)
        _are_patterns(self.connections, "connection")
        _are_patterns(self.variables, "variable")
        if self.team_name is not None and len(self.team_name) > MAX_TEAM:
            msg = f"no team has a name of {len(self.team_name)} characters; Airflow allows {MAX_TEAM}"
            raise Invalid(msg)
        if self.description is not None and len(self.description) > MAX_DESCRIPTION:
            msg = f"a description may have {MAX_DESCRIPTION} characters, not {len(self.description)}"
            raise Invalid(msg)
        if self.max_agents is not None and self.max_agents < 1:
            msg = f"a token for {self.max_agents} agents lets nobody in; give a number above 0"
            raise Invalid(msg)
        of_tasks = self.connections is not None or self.variables is not None
        of_agents = self.agents is not None or self.max_agents is not None or self.one_time or of_tasks
        if self.kind is TokenKind.SUBMIT and of_agents:
            msg = (
                "a submit token registers no agents: it has no agent names, number of agents, one-time enrolment, "
                "connections or variables"
            )
            raise Invalid(msg)
        if self.kind is TokenKind.AGENT and self.run_as_users is not None:
            msg = "an agent token submits nothing: users to run as belong to a submit token"
            raise Invalid(msg)

    def columns(self) -> dict[str, Any]:
        """Return the same as values of the columns that keep it."""
        lists = ("queues", "agents", "addresses", "run_as_users", "connections", "variables")
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {name: list(values[name]) for name in lists if values[name] is not None}


def allow_queues(token: TokenRow, queues: Sequence[str]) -> None:
    """Let pass queues that a token allows.

    :raises Forbidden: naming those it does not, and those it does.
    """
    if token.queues is not None and (denied := sorted(set(queues) - set(token.queues))):
        allowed = ", ".join(token.queues)
        msg = f"The {token.kind} token {token.name!r} does not allow queue {', '.join(denied)}; it allows {allowed}."
        raise Forbidden(msg)


def allow_agent(token: TokenRow, agent: str) -> None:
    """Let pass a name that a token allows.

    :raises Forbidden: saying which names it does.
    """
    if token.agents is not None and not any(fnmatchcase(agent, pattern) for pattern in token.agents):
        allowed = ", ".join(token.agents)
        msg = f"The agent token {token.name!r} does not allow the name {agent!r}; it allows {allowed}."
        raise Forbidden(msg)


def allow_address(token: TokenRow, address: str | None) -> None:
    """Let pass an address that a token allows. None is an address that could not be learnt: it needs a token for any.

    :raises Forbidden: naming the address as it was seen, so that a proxy in between is noticed.
    """
    if token.addresses is not None and not is_within(address, token.addresses):
        seen = address or "an unknown address"
        msg = (
            f"The {token.kind} token {token.name!r} is not allowed from {seen}. If that is a proxy's address, "
            "an admin must name it in [edge_agent] trusted_proxies."
        )
        raise Forbidden(msg)


def is_within(address: str | None, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of the networks. An IPv4 address written as IPv6 is the IPv4 address."""
    if address is None or (parsed := parse_address(address)) is None:
        return False
    return any(parsed in ip_network(network) for network in networks)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address as it is meant: without its zone, and IPv4 where it is mapped into IPv6."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _are_words(words: Sequence[str] | None, what: str, pattern: str, form: str) -> None:
    if words is None:
        return
    if not words:
        msg = f"a token that allows no {what} lets nobody in; name one, or leave it out"
        raise Invalid(msg)
    if len(words) > MAX_ENTRIES:
        msg = f"a token may name {MAX_ENTRIES} {what}s, not {len(words)}"
        raise Invalid(msg)
    article = "an" if what == "agent" else "a"
    for word in words:
        if not re.fullmatch(pattern, word):
            msg = f"{word!r} is not a name of {article} {what}: {form}"
            raise Invalid(msg)


def _are_patterns(patterns: Sequence[str] | None, what: str) -> None:
    if patterns is None:
        return
    if len(patterns) > MAX_ENTRIES:
        msg = f"a token may name {MAX_ENTRIES} patterns of {what}s, not {len(patterns)}"
        raise Invalid(msg)
    for pattern in patterns:
        if not pattern.isprintable() or pattern != pattern.strip() or not 0 < len(pattern) <= MAX_PATTERN:
            msg = f"{pattern!r} is not a {what}'s name, or a pattern of names with * and ?"
            raise Invalid(msg)


def _are_networks(networks: Sequence[str] | None) -> None:
    if networks is None:
        return
    if not networks or len(networks) > MAX_ENTRIES:
        msg = f"a token may name 1 to {MAX_ENTRIES} networks, or none to allow every address"
        raise Invalid(msg)
    for network in networks:
        try:
            parsed = ip_network(network)
        except ValueError:
            msg = f"{network!r} is not a network: write 10.1.0.0/16, 2001:db8::/32 or a single address"
            raise Invalid(msg) from None
        if getattr(parsed.network_address, "ipv4_mapped", None):
            msg = f"{network!r} is an IPv4 network written as IPv6: write it as IPv4"
            raise Invalid(msg)
