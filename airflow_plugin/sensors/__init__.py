"""Sensors that wait for commands somebody else started."""
