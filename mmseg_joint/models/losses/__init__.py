from .hierarchical_weight_loss import HierarchicalWeightLoss
from .weighting_maps import level_map, weighting_map

__all__ = ['HierarchicalWeightLoss', 'level_map', 'weighting_map']
