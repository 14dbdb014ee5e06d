"""Runs Airflow's tasks in processes of their own; the only room that may import Airflow, in a child only.

What the agent uses is listed here and imports no Airflow. How the parts hang together::

    agent --- host, zygote_process        one zygote at a time, asked over a socket
      zygote --- __main__, warm, zygote   imports Airflow once, forks, reaps
        supervisor --- child, workload    one per attempt: claims it, runs Airflow's supervisor, records
          task                            forked by Airflow's supervisor, runs the author's code
"""

from edge_agent.task_host.environment import task_environment, way_of
from edge_agent.task_host.errors import TaskHostError
from edge_agent.task_host.host import TaskHost
from edge_agent.task_host.log_path import log_of

__all__ = ["TaskHost", "TaskHostError", "log_of", "task_environment", "way_of"]
