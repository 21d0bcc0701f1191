from .plain_config import plain_config
from .write import check_targets, weights_of, write_export
