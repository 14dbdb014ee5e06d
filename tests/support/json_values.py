"""Whatever JSON can hold, and Python makes of it, to throw at whoever reads it."""

from __future__ import annotations

from hypothesis import strategies as st

_KEYS = """
    args callback command cwd env id limits log_path on_agent_lost queue_timeout requires run_as_user runner slots
    ti token type wait_seconds workload
"""
_NAMES = st.sampled_from(_KEYS.split()) | st.text(max_size=5)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)
JSON_OBJECTS = st.dictionaries(_NAMES, JSON_VALUES, max_size=5)
