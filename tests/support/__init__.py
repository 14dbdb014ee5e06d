"""What tests stand on: waiting, real processes, real Postgres, a real Airflow, real agents."""
