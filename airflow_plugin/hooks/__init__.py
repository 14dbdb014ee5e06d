"""The way of tasks to the queue API."""
