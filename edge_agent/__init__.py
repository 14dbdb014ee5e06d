"""The host side of airflow-edge-agent. Importing this package does no work."""

__version__ = "0.1.0"
