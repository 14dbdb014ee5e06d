"""Where Airflow looks for this provider's example Dags: it makes a module's name out of the distribution's.

Nothing else is here; the code is in ``airflow_plugin`` and ``edge_agent``.
"""
