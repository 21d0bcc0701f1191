"""The papers' tables: which config runs which row, and what the runs measured."""
