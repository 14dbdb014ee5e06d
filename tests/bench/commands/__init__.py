"""Commands beside BashOperator and SSHRemoteJobOperator, on one Airflow: ``make bench-commands``."""
