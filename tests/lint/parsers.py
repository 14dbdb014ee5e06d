"""Everything in the packages that makes something else of text or bytes, and what is thrown at it.

Found by the calls that do so; what takes text apart by hand, with a pattern or at a comma, is not found. A new one
belongs into one of the two tables: into ``TESTED`` where others decide what is read, with the test in which
hypothesis makes the bytes.
"""

from __future__ import annotations

import ast

CALLS = {"float", "int", "UUID", "ip_address", "ip_network", "urlsplit", "loads", "unpack", "fromisoformat"}
METHODS = {"decode", "urlsafe_b64decode", "b64decode"}
VALIDATION = ("model_validate", "validate_python", "validate_json")

_ANSWERS = "tests/unit/agent/test_client.py test_any_answer_whoever_gave_it_is_a_message_or_an_error_of_the_queue_api"
_TO_TASKS = (
    "tests/unit/plugin/commands/test_foreign_answers.py "
    "test_any_answer_is_what_was_asked_for_or_an_error_of_the_queue_api"
)
_CONNECTION = (
    "tests/unit/plugin/commands/test_foreign_answers.py test_any_connection_is_a_site_or_refused_without_its_token"
)
_KEYS = "tests/unit/agent/test_foreign_server.py "
_PAYLOADS = "tests/unit/task_host/test_foreign_payloads.py "
_REQUESTS = "tests/unit/plugin/test_foreign_requests.py "
_ALL_REQUESTS = _REQUESTS + "test_whatever_is_sent_is_passed_on_or_refused_with_a_problem"
_PROOFS = _REQUESTS + "test_no_proof_that_is_none_is_believed"
_CAPABILITIES = _REQUESTS + "test_whatever_an_agent_says_of_itself_meets_a_requirement_or_does_not"
_SAID = _REQUESTS + "test_whatever_version_and_clock_a_host_has_it_is_ordered_and_compared"
_PIECES = "tests/integration/queue/test_log_pieces.py test_whatever_is_written_its_pieces_are_the_whole_text"
_OUTPUT = "tests/unit/plugin/commands/test_output.py test_any_output_is_a_value_a_reference_or_refused"
_LINES = "tests/unit/plugin/commands/test_lines.py test_pieces_make_no_difference"
_TYPES = "tests/unit/policy/test_values.py test_no_text_breaks_the_reader_of_types"
_SETTINGS = "tests/unit/install/test_settings_file.py test_whatever_stands_there_one_line_of_it_is_changed_or_none"
_ADDRESSES = "tests/unit/plugin/queue/test_allowances.py test_whatever_stands_for_an_address_is_one_or_none"

TESTED = {
    # What a server, or whoever stands in its place, tells an agent.
    "edge_agent/client.py _ask": _ANSWERS,
    "edge_agent/client.py _problem": _ANSWERS,
    "edge_agent/client.py _retry_after_seconds": _ANSWERS,
    "edge_agent/policy/values.py accept": (
        "tests/unit/policy/test_values.py test_what_is_taken_is_plain_printable_ascii_and_no_option"
    ),
    "edge_agent/runners/command.py read": _PAYLOADS + "test_a_payload_is_a_command_or_refused",
    "edge_agent/server_keys.py _is_signed": _KEYS + "test_no_signature_that_is_made_up_counts",
    "edge_agent/server_keys.py _parsed": _KEYS + "test_whatever_is_handed_out_is_an_object_or_refused",
    "edge_agent/server_keys.py read": _KEYS + "test_whatever_stands_in_the_file_is_keys_or_refused",
    "edge_agent/task_host/workload.py read": _PAYLOADS + "test_a_payload_is_a_workload_or_refused",
    # What a server, or whoever stands in its place, tells a task; and what people write into a connection.
    "airflow_plugin/commands/calls.py _log_bytes": _TO_TASKS,
    "airflow_plugin/commands/calls.py _message": _TO_TASKS,
    "airflow_plugin/commands/calls.py _output": _TO_TASKS,
    "airflow_plugin/commands/calls.py _problem": _TO_TASKS,
    "airflow_plugin/commands/calls.py _retry_after_seconds": _TO_TASKS,
    "airflow_plugin/commands/lines.py _text": _LINES,
    "airflow_plugin/commands/outcome.py last_words": _OUTPUT,
    "airflow_plugin/commands/output.py returned": _OUTPUT,
    "airflow_plugin/commands/output.py text": _OUTPUT,
    "airflow_plugin/commands/server_address.py _bracketed": _CONNECTION,
    "airflow_plugin/commands/server_address.py address_of": _CONNECTION,
    "airflow_plugin/commands/server_address.py is_in_the_clear": _CONNECTION,
    "airflow_plugin/commands/server_address.py is_loopback": _CONNECTION,
    "airflow_plugin/commands/site.py _extras": _CONNECTION,
    # What the owner of a host writes into its policy.
    "edge_agent/policy/file.py read": "tests/unit/policy/test_file.py test_nothing_in_the_file_breaks_the_reader",
    "edge_agent/policy/values.py _integer_of": _TYPES,
    "edge_agent/policy/values.py _word_of": _TYPES,
    # What the operator of a host has written into its settings, of which an installation changes a line.
    "edge_agent/install/settings_file.py _end_of_value": _SETTINGS,
    "edge_agent/install/settings_file.py parse": _SETTINGS,
    "edge_agent/install/settings_file.py with_values": _SETTINGS,
    # What whoever reaches a host asks of its agent.
    "edge_agent/probes.py _page": (
        "tests/integration/agent/test_probes.py test_whatever_bytes_come_the_server_lives_and_says_nothing_else"
    ),
    # What agents, users and strangers send to a server.
    "airflow_plugin/api/auth.py _session_id": _REQUESTS + "test_what_is_shown_is_a_session_a_token_or_refused",
    "airflow_plugin/api/bodies.py read": _ALL_REQUESTS,
    "airflow_plugin/api/gate.py _credential": _ALL_REQUESTS,
    "airflow_plugin/api/gate.py _group": _ALL_REQUESTS,
    "airflow_plugin/api/gate.py _shows_something": _ALL_REQUESTS,
    "airflow_plugin/api/peers.py _claims": (
        "tests/unit/plugin/test_peers.py test_whatever_stands_in_the_header_an_address_or_none_comes_out"
    ),
    "airflow_plugin/api/proofs.py _target": _PROOFS,
    "edge_agent/protocol/proofs.py _bytes": (
        "tests/unit/protocol/test_proofs.py test_whatever_comes_is_read_in_the_one_way_it_is_written_or_not_at_all"
    ),
    "airflow_plugin/queue/agent_search.py version_key": _SAID,
    "airflow_plugin/queue/skew.py _clock_ahead_seconds": _SAID,
    "airflow_plugin/queue/log_pieces.py _begun_character": _PIECES,
    "airflow_plugin/queue/log_pieces.py _rest_of_character": _PIECES,
    "airflow_plugin/queue/log_pieces.py cut": _PIECES,
    "airflow_plugin/queue/allowances.py _are_networks": _REQUESTS + "test_an_allowance_is_made_or_refused",
    "airflow_plugin/queue/allowances.py is_within": _ADDRESSES,
    "airflow_plugin/queue/allowances.py parse_address": _ADDRESSES,
    "airflow_plugin/queue/placement.py _as_number": _CAPABILITIES,
    "airflow_plugin/queue/placement.py _meets": _CAPABILITIES,
    "airflow_plugin/queue/placement.py _parts": _CAPABILITIES,
    "airflow_plugin/scheduling/executor_config.py _seconds": _REQUESTS + "test_a_tasks_wishes_are_read_or_refused",
}
"""Where others decide what is read: by whom it is tried, with anything."""

_BASE64 = "Base64 is ASCII"
_ADMIN = "its admin wrote it, and is told what is wrong"
_CANNOT = "cannot fail: what is no text is replaced or left out"
_KERNEL = "the kernel wrote it"
_KEPT = "Airflow keeps what we gave it"
_NUMBER = "it is a number already"
_RELEASE = "both ends are of one release, on one host"
_STATE = "the agent wrote it, into a directory that is its own"
_TABLE = "it stands in a table of ours, and was judged before it got there"

NEEDS_NONE = {
    "airflow_plugin/api/command_routes.py logs": _NUMBER,
    "airflow_plugin/api/command_routes.py output": _NUMBER,
    "airflow_plugin/api/reach_guard.py _refusal": "Latin-1 has a character for each byte",
    "airflow_plugin/bundle.py base_path": _ADMIN,
    "airflow_plugin/cli/durations.py seconds": _ADMIN,
    "airflow_plugin/cli/token_commands.py _days": _ADMIN,
    "airflow_plugin/clock.py in_seconds": _NUMBER,
    "airflow_plugin/commands/calls.py _undecodable": "httpx has made it an address, of ASCII",
    "airflow_plugin/commands/client.py settings": "the connection was judged before it got there",
    "airflow_plugin/commands/kept_output.py __str__": "it was made a text before",
    "airflow_plugin/commands/kept_output.py cut_to": _CANNOT,
    "airflow_plugin/commands/keys.py of": "Airflow made the id",
    "airflow_plugin/commands/remsvc.py _one": "judged before: one of two numbers",
    "airflow_plugin/commands/remsvc.py state_and_error": "we gave the names, which are numbers",
    "airflow_plugin/compat.py workload_of_token": "Airflow's own validator has taken the token",
    "airflow_plugin/config.py proxies": _ADMIN,
    "airflow_plugin/executor.py _reconciler": _ADMIN,
    "airflow_plugin/log_upload.py _instance": _TABLE,
    "airflow_plugin/operators/edge_agent_command.py execute_complete": _KEPT,
    "airflow_plugin/operators/edge_agent_command.py resume_execution": _KEPT,
    "airflow_plugin/queue/agent_health.py missed": _NUMBER,
    "airflow_plugin/queue/command_views.py _ran_seconds": _NUMBER,
    "airflow_plugin/queue/events.py listed": _TABLE,
    "airflow_plugin/queue/fernet_keys.py fernet_keys": _ADMIN,
    "airflow_plugin/queue/samples.py _heartbeats": _NUMBER,
    "airflow_plugin/queue/signing_keys.py __init__": _BASE64,
    "airflow_plugin/queue/signing_keys.py published": _NUMBER,
    "airflow_plugin/queue/signing_keys.py sign": _BASE64,
    "airflow_plugin/queue/uploads.py claim": _TABLE,
    "airflow_plugin/scheduling/owners.py owner_of": "a scheduler knows its own id",
    "airflow_plugin/scheduling/owners.py read_owner": _TABLE,
    "airflow_plugin/scheduling/workloads.py job_of": "Airflow's executor made the id",
    "airflow_plugin/sealed.py process_bind_param": "Fernet writes ASCII",
    "airflow_plugin/sealed.py process_result_value": _TABLE,
    "airflow_plugin/sensors/edge_agent_job.py _followed": _ADMIN,
    "airflow_plugin/sensors/edge_agent_job.py execute_complete": _KEPT,
    "airflow_plugin/task_logs.py _decoded": _CANNOT,
    "airflow_plugin/traces.py _carrier": _TABLE,
    "airflow_plugin/traces.py _nanoseconds": _NUMBER,
    "airflow_plugin/triggers/edge_agent_commands.py __init__": _KEPT,
    "edge_agent/addresses.py _check_proxy": _ADMIN,
    "edge_agent/addresses.py _check_server": _ADMIN,
    "edge_agent/addresses.py _is_a_host": _ADMIN,
    "edge_agent/addresses.py listening_at": _ADMIN,
    "edge_agent/addresses.py is_loopback": _ADMIN,
    "edge_agent/addresses.py leaves_in_the_clear": _ADMIN,
    "edge_agent/attach.py _read": _STATE,
    "edge_agent/attempt_dir.py assignment_id": _STATE,
    "edge_agent/attempt_dir.py of": _KERNEL,
    "edge_agent/attempt_dir.py read": _STATE,
    "edge_agent/check.py _dags": _RELEASE,
    "edge_agent/cli.py _seconds": _ADMIN,
    "edge_agent/cli.py main": _NUMBER,
    "edge_agent/configuration.py _read": _ADMIN,
    "edge_agent/diagnosis.py _explain_proxy": _NUMBER,
    "edge_agent/host_key.py read": "judged by its form before: 32 bytes in Base64",
    "edge_agent/install/host.py _user_of_file": _ADMIN,
    "edge_agent/install/record.py read": _ADMIN,
    "edge_agent/install/soundness.py neighbours": _ADMIN,
    "edge_agent/last_words.py tail": _CANNOT,
    "edge_agent/protocol/lines.py _written_out": "unicode_escape is ASCII",
    "edge_agent/protocol/proofs.py _text": _BASE64,
    "edge_agent/protocol/signatures.py key_id": "the key was judged by its form before",
    "edge_agent/recovery.py _read": _STATE,
    "edge_agent/runners/output.py _bytes_in": _KERNEL,
    "edge_agent/runners/tmux.py session_of": _STATE,
    "edge_agent/configured_capabilities.py _plain_value": _ADMIN,
    "edge_agent/service_manager.py of": _NUMBER,
    "edge_agent/settings.py proxy_secrets": _ADMIN,
    "edge_agent/spool.py tidy": _NUMBER,
    "edge_agent/spool.py use": _NUMBER,
    "edge_agent/spooled_log.py _load": _STATE,
    "edge_agent/state_dir.py _read_holder": _STATE,
    "edge_agent/status/asking.py _answered": _STATE,
    "edge_agent/status/file.py last_words": _STATE,
    "edge_agent/task_host/execution_client.py _tell_state": "Airflow's SDK on this host is about to send it",
    "edge_agent/task_host/log_path.py _short": _CANNOT,
    "edge_agent/task_host/messages.py decode": _RELEASE,
    "edge_agent/task_host/warm.py _check_airflow": "the Airflow that is installed here says so",
    "edge_agent/task_host/zygote.py _hear": _RELEASE,
    "edge_agent/task_host/zygote_process.py _last_words": _CANNOT,
    "edge_agent/task_host/zygote_process.py _take": _RELEASE,
    "edge_agent/tmux_server.py open": "the tmux that the agent has started says so",
    "edge_agent/transport.py _proxy": _ADMIN,
    "edge_agent/transport.py _without_login": _ADMIN,
    "edge_agent/transport.py proxy_in_words": _ADMIN,
}
"""Where nobody else decides what is read, or nothing can come of it: why."""


def parses(call: ast.Call) -> bool:
    """Whether this call makes something else of text or bytes."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name.startswith(VALIDATION) or name in METHODS:
        return True
    return name in CALLS and bool(call.args) and not isinstance(call.args[0], ast.Constant)
