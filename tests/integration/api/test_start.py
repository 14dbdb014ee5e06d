"""What an API server has behind it by the time that it answers."""

from __future__ import annotations

import time

import httpx

from tests.support.airflow_bed import AirflowBed

LONG_SECONDS = 3.0
"""Making the routes of the Execution API takes more than four on the machines this was written on."""


def test_the_first_call_of_the_execution_api_holds_up_nobody(api_bed: AirflowBed) -> None:
    api_bed.restart("api-server")
    began = time.monotonic()
    assert httpx.get(f"{api_bed.url}/execution/health").is_success
    assert time.monotonic() - began < LONG_SECONDS
