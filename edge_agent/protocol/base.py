"""What every message is: frozen; strict when it asks, tolerant when it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
"""Agent and queue names. Safe in a path, a header, a file name and a tmux session name."""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""What can be stored and written: no NUL, which Postgres has no place for, and no half of a character."""

LARGEST = 2**31 - 1
"""The largest whole number of an ordinary column."""

CapabilityValue = Text | bool | int | float
Capabilities = dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")], CapabilityValue]


class Request(BaseModel):
    """Something asked of the server. An unknown field is an error, so that a typing slip is seen.

    So is a number that is none (``NaN``, infinite): JSON has no word for it, and no database column either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Answer(BaseModel):
    """Something the server answers. Unknown fields are ignored, so that old agents meet new servers."""

    model_config = ConfigDict(frozen=True, extra="ignore")
