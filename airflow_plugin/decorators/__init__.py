"""TaskFlow decorators for commands."""
