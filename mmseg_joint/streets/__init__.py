from .dataset import LoadStreet, StreetsDataset
from .render import render_street
from .writer import write_streets

__all__ = ['LoadStreet', 'StreetsDataset', 'render_street', 'write_streets']
