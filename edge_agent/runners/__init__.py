"""Where on the host a job runs. The contract is in :mod:`edge_agent.runners.base`."""
