"""Commands from the side of tasks: Airflow's connection, the queue API's requests, and nothing of the server."""
