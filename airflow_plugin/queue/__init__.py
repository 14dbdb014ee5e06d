"""The queue: every statement that moves a job or an agent. Knows no HTTP and no Airflow scheduler.

All functions take a session and leave the commit to the caller: the caller knows what belongs together.
"""
