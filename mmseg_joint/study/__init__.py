"""Comparing trainings: plan the runs, follow their progress, collect and interpret their scores."""
