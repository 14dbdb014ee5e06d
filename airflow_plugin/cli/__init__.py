"""``airflow edge-agent ...``: agents, tokens and jobs, for admins at a shell of the Airflow side."""
