"""Keeps secrets out of what this package logs in Airflow's processes, as the agent does in its own log.

Airflow's masker knows the secrets it was told; tokens that agents show are in no list.
"""

from __future__ import annotations

import logging

from edge_agent.protocol.secrets import without_secrets

_PACKAGE = __name__.partition(".")[0]
_TRACEBACKS = logging.Formatter()


class SecretFilter(logging.Filter):
    """Takes what looks like a secret out of this package's lines. Those of others are not ours to change."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, cleaned."""
        if record.name.partition(".")[0] != _PACKAGE:
            return True
        message = record.getMessage()
        if (cleaned := without_secrets(message)) != message:
            record.msg, record.args = cleaned, ()
        if record.exc_info:
            trace = _TRACEBACKS.formatException(record.exc_info)
            if (cleaned := without_secrets(trace)) != trace:
                # As text: whatever formats the exception itself would show it again.
                record.msg, record.args, record.exc_info = f"{record.getMessage()}\n{cleaned}", (), None
        return True


def install() -> None:
    """Clean what this process logs from now on. Doing it twice is doing it once."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, SecretFilter) for each in handler.filters):
            handler.addFilter(SecretFilter())
