"""Where a job may run: what an agent must have, and which jobs share a digest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.errors import Invalid
from airflow_plugin.queue.placement import Placement, validated_requirements

MET = [
    # A text or a number is met by an equal capability.
    ("linux", "linux"),
    ("8", 8),
    (8, 8),
    (8, 8.0),
    (8, "8"),
    (64.5, "64.5"),
    # True by anything that is there and not false; False by nothing that is.
    (True, True),
    (True, "a100"),
    (True, 0),
    (True, "true"),
    (False, None),
    (False, False),
    (False, "false"),
    (False, "False"),
    (False, ""),
    # ">=" by a version or a number at least as high.
    (">=3.11", "3.11"),
    (">=3.11", "3.11.4"),
    (">=3.11", "3.12"),
    (">=3.9", "3.11"),
    (">=3", "3.0.0"),
    (">=3.0.0", "3"),
    (">=3", 3.5),
    (">=64", 64),
    (">=64", "64"),
    (">=64", 128.5),
    (">= 64", 64),
    (">=1.2", "1.2rc1"),
    (">=-5", -4),
    (">=3.1.0", "3.1"),
]

NOT_MET = [
    ("linux", "windows"),
    ("linux", None),
    ("linux", "Linux"),
    ("true", True),
    (8, 9),
    (8, None),
    (8, True),
    (1, True),
    (8, "eight"),
    (True, None),
    (True, False),
    (True, "false"),
    (True, ""),
    (False, True),
    (False, "a100"),
    (False, 0),
    (">=3.11", "3.9"),
    (">=3.11", "3"),
    (">=3.11", None),
    (">=3.11", True),
    (">=3.11", "unknown"),
    (">=64", 63.9),
    (">=64", "abc"),
    (">=abc", "abc"),
    (">=3.10", "3.9.99"),
]


def lacking(wanted, has):
    return Placement("q", None, {"name": wanted}).lacking({} if has is None else {"name": has})


@pytest.mark.parametrize(("wanted", "has"), MET, ids=repr)
def test_a_requirement_is_met_by(wanted, has):
    assert lacking(wanted, has) == []


@pytest.mark.parametrize(("wanted", "has"), NOT_MET, ids=repr)
def test_a_requirement_is_not_met_by(wanted, has):
    assert len(lacking(wanted, has)) == 1


def test_a_version_that_no_release_has_meets_nothing():
    """Python itself refuses to read numbers of thousands of digits; an agent may say what it likes."""
    assert len(lacking(">=3.11", "9" * 5000 + ".1")) == 1
    assert len(lacking(">=3.11", "3." + "9" * 5000)) == 1


@pytest.mark.parametrize(
    ("wanted", "text"), [("linux", "name = linux"), (True, "name = true"), (8, "name = 8"), (">=3", "name >= 3")]
)
def test_what_is_lacking_is_named_as_it_would_be_written(wanted, text):
    assert lacking(wanted, False if wanted is not False else None) == [text]


def test_each_requirement_counts_for_itself():
    placement = Placement("q", None, {"os": "linux", "gpu": True, "python": ">=3.11"})
    assert placement.lacking({"os": "linux", "gpu": "a100", "python": "3.12", "more": 1}) == []
    assert placement.lacking({"os": "linux", "python": "3.10"}) == ["gpu = true", "python >= 3.11"]


def test_without_requirements_every_agent_will_do():
    assert Placement("q").lacking({}) == []


def test_an_agent_serves_the_queues_it_names_of_its_own_team_and_no_other():
    placement = Placement("q", "blue")
    assert placement.serves(team="blue", queues=["p", "q"])
    assert not placement.serves(team="blue", queues=["p", "Q"])
    assert not placement.serves(team=None, queues=["q"])
    assert not Placement("q").serves(team="blue", queues=["q"])


def test_the_order_of_requirements_makes_no_difference():
    assert Placement("q", None, {"a": 1, "b": "x"}).key == Placement("q", None, {"b": "x", "a": 1}).key


def test_what_means_something_else_has_another_digest():
    different = [
        Placement("q"),
        Placement("Q"),
        Placement("q", "q"),
        Placement("q", ""),
        Placement("q", None, {"a": 1}),
        Placement("q", None, {"a": "1"}),
        Placement("q", None, {"a": True}),
        Placement("q", None, {"a": 1, "b": 1}),
        Placement('q",null,["a'),
    ]
    assert len({each.key for each in different}) == len(different)


def test_a_digest_never_changes():
    """It stands in the tables of running systems, and two replicas of different versions must agree on it."""
    assert Placement("default").key == "dcf5270a1097b876ff80ee9244d0ed19"


def test_what_a_dag_author_wrote_is_taken_as_it_is():
    requires = {"os": "linux", "gpu": True, "disk": 1.5, "cpu": 8, "python": ">=3.11", "a.b-c_d": ""}
    assert validated_requirements(requires) == requires
    assert validated_requirements({}) == {}


REFUSED = {
    "no mapping": (["gpu"], "must be a mapping of capability names to values, not list"),
    "nothing": (None, "must be a mapping of capability names to values, not NoneType"),
    "a name that is no text": ({1: True}, "1 is not a capability name"),
    "a name with a space": ({"a b": True}, "'a b' is not a capability name"),
    "a name that ends the line": ({"gpu\n": True}, "is not a capability name"),
    "an empty name": ({"": True}, "'' is not a capability name"),
    "a long name": ({"x" * 65: True}, "at most 64"),
    "a value that is a list": ({"gpu": ["a100"]}, "'gpu' must be a text, a number, true or false, not list"),
    "a value that is nothing": ({"gpu": None}, "not NoneType"),
    "a value that is no number": ({"gpu": math.nan}, "'gpu' is not a number between"),
    "a value without end": ({"gpu": -math.inf}, "'gpu' is not a number between"),
    "a number no computer can hold": ({"gpu": 10**400}, r"'gpu' is not a number between -1e\+18 and 1e\+18"),
    "a long value": ({"gpu": "x" * 201}, "the value of 'gpu' is longer than 200 characters"),
    "nothing to compare with": ({"gpu": ">="}, "after '>=' stands one version or number"),
    "two things to compare with": ({"gpu": ">=1 <2"}, "after '>=' stands one version or number"),
    "too many": ({f"n{number}": True for number in range(33)}, "names 33 capabilities; at most 32"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_when_it_holds(what):
    requires, message = REFUSED[what]
    with pytest.raises(Invalid, match=message):
        validated_requirements(requires)


values = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.text("0123456789.>= -eE", max_size=12)
)


@given(wanted=values, has=st.none() | values)
def test_whatever_was_accepted_can_be_compared_with_whatever_an_agent_says(wanted, has):
    try:
        requires = validated_requirements({"name": wanted})
    except Invalid:
        return
    placement = Placement("q", None, requires)
    assert len(placement.lacking({} if has is None else {"name": has})) <= 1
    assert len(placement.key) == 32


@given(least=st.tuples(*[st.integers(0, 300)] * 3), more=st.tuples(*[st.integers(0, 300)] * 3))
def test_versions_compare_part_by_part(least, more):
    wanted, has = (".".join(map(str, version)) for version in (least, more))
    assert (lacking(f">={wanted}", has) == []) == (more >= least)
