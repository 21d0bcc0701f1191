"""Checks an installation and a config before training: `python -m mmseg_joint.doctor [CONFIG]`.

It must run on a broken installation, so nothing is imported here.
"""
