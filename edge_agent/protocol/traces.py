"""The trace that a command belongs to, as the W3C writes it (Trace Context, ``traceparent``)."""

from __future__ import annotations

import re

TRACE_HEADER = "traceparent"
"""On a submit: the span of whoever submits. A server of the release before does not look at it."""

TRACE_VARIABLE = "TRACEPARENT"
"""In the environment of the command: the same."""

_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent(text: object) -> str | None:
    """Return what says which trace it is, None for anything else: it can hold nothing but three numbers."""
    return text if isinstance(text, str) and _FORM.fullmatch(text) else None
