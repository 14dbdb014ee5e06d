"""The Airflow side of airflow-edge-agent. Importing this package does no work."""
