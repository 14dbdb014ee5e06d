"""Operators that run commands on agents' hosts."""
