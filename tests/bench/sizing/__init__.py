"""What the guide to sizes rests on: what agents cost an API server, a host and its link, and jobs the database."""
