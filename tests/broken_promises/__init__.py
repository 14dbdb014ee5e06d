"""Breaks each promise of the docs on purpose, one line at a time, and looks which of its tests turn red."""
