"""What the executor does in a scheduler: turns workloads into jobs, and jobs' ends into events."""
