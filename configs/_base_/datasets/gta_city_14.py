# Joint at 1036×518, multiples of DINOv2's patch size (14); scored at the label's own size
_base_ = './gta_city.py'
train_pipeline = _base_.train_pipeline
train_pipeline[2]['scale'] = (1036, 518)
test_pipeline = _base_.test_pipeline
test_pipeline[1]['scale'] = (1036, 518)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1]['transforms'][0] = [
    dict(type='Resize', scale=scale) for scale in [(518, 252), (1036, 518), (1288, 644)]
]
domains = dict(target=dict(pipeline=train_pipeline), source=dict(pipeline=train_pipeline))
train_dataloader = dict(dataset=dict(domains=domains))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
