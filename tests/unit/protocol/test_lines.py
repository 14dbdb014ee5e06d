"""What a thief at the other end says stays in its line."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edge_agent.protocol import Registration, one_line
from tests.unit.protocol.examples import MESSAGES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("db-07.example.com ä \N{GRINNING FACE}", "db-07.example.com ä \N{GRINNING FACE}"),
        ("two\nlines\r\n\tand more", "two lines   and more"),
        ("\x1b]0;title\x07\x9b31m\x7f\0", r"\x1b]0;title\x07\x9b31m\x7f\x00"),
        ("\u202etxt.exe\u2028", r"\u202etxt.exe\u2028"),
    ],
)
def test_a_text_becomes_one_line_without_anything_a_terminal_obeys(text, shown):
    assert one_line(text) == shown


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "a\u202eb", "a\n", "\x9d0;x"])
def test_a_host_whose_name_is_no_line_is_not_registered(name):
    known = MESSAGES["Registration"].model_dump()
    assert Registration.model_validate(known).hostname
    with pytest.raises(ValidationError, match="hostname"):
        Registration.model_validate(known | {"hostname": name})
    with pytest.raises(ValidationError, match=r"versions\.python"):
        Registration.model_validate(known | {"versions": known["versions"] | {"python": name}})
