"""The form of a connection in Airflow's UI. What its fields mean, and what is refused, is in ``commands/site.py``."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": ["string", "null"]}

CONNECTION_TYPE: dict[str, Any] = {
    "connection-type": "edge_agent",
    "hook-class-name": "airflow_plugin.hooks.edge_agent.EdgeAgentHook",
    "hook-name": "Edge Agent",
    "ui-field-behaviour": {
        "hidden-fields": ["login"],
        "relabeling": {"password": "Submit token", "schema": "Scheme"},
        "placeholders": {
            "host": "airflow.example.com; empty: this Airflow's own API server",
            "port": "443",
            "schema": "https",
            "password": "est_...",
        },
    },
    "conn-fields": {
        "path": {
            "label": "Path",
            "description": "What stands before /edge_agent in the address, where Airflow is not at its root.",
            "schema": _TEXT,
        },
        "default_queue": {
            "label": "Default queue",
            "description": "Of commands that name neither a queue nor an agent.",
            "schema": _TEXT,
        },
        "verify": {
            "label": "Verify the server's certificate",
            "description": "Off: whoever is on the way can read the token and take the server's place.",
            "schema": {"type": "boolean", "default": True},
        },
        "ca_file": {
            "label": "Authorities (file)",
            "description": "A PEM file on every host that uses the connection, instead of the host's own authorities.",
            "schema": _TEXT,
        },
        "ca_pem": {
            "label": "Authorities (PEM)",
            "description": "The same as text, which needs no file anywhere.",
            "schema": _TEXT | {"format": "multiline"},
        },
        "client_cert_file": {
            "label": "Client certificate (file)",
            "description": "A PEM file, where the server or what stands before it asks for one.",
            "schema": _TEXT,
        },
        "client_key_file": {
            "label": "Key of the client certificate (file)",
            "description": "A PEM file without a password; empty: it is in the certificate's file.",
            "schema": _TEXT,
        },
        "allow_plaintext": {
            "label": "Allow http",
            "description": "On: with the scheme http the token travels unencrypted, and all who listen may use it.",
            "schema": {"type": "boolean", "default": False},
        },
    },
}
