from .class_features import class_features, downsample_labels
from .entropy_loss import EntropyLoss
from .hierarchical_weight_loss import HierarchicalWeightLoss
from .max_square_loss import MaxSquareLoss
from .weighting_maps import level_map, weighting_map
