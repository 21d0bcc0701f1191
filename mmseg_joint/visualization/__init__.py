"""Figures: weighting maps, predictions side by side, training curves.

Nothing is imported here, so that training never loads matplotlib.
"""
