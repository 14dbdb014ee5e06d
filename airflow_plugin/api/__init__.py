"""The queue API: HTTP over the queue. It authenticates, calls the statements, and words the answers."""
