"""The host side of airflow-edge-agent. Importing this package does no work."""

__version__ = "0.2.0"
