"""Checks an installation and a config before training: `python -m mmseg_joint.doctor [CONFIG]`.

It runs on an installation that is not whole, so nothing is imported here.
"""
