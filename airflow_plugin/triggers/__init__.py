"""Triggers that watch commands while no worker is held."""
