"""A joint config for data of one's own, written by looking at the folders."""
