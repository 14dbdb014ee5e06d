"""The one-line way to read agents' logs, where the plugin cannot put its handler in place by itself.

::

    [logging]
    logging_config_class = airflow_plugin.logging_config.LOGGING_CONFIG

Airflow's own configuration, with the table in front of the remote log handler that it would use.
"""

from __future__ import annotations

from airflow.config_templates import airflow_local_settings as stock

from airflow_plugin.remote_log import TableRemoteLog

LOGGING_CONFIG = stock.DEFAULT_LOGGING_CONFIG
REMOTE_TASK_LOG = TableRemoteLog(stock.REMOTE_TASK_LOG)
DEFAULT_REMOTE_CONN_ID = stock.DEFAULT_REMOTE_CONN_ID
