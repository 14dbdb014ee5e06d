"""Long proofs on a whole Airflow with its own defaults: outages, and one task through many restarts."""
