"""Writes a joint config for your own data by inspecting its folders."""
