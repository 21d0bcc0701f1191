# default_runtime.py with batch norms that keep the averages of the pretrained weights: two images
# per domain give poor statistics
_base_ = './default_runtime.py'
custom_hooks = [*_base_.custom_hooks, dict(type='FreezeNormHook', begin=0)]
