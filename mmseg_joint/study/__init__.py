"""Comparing trainings: what is run, how far it has come, what it measured, and what that means."""
