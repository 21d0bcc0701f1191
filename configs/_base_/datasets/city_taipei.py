# Cross-city: Cityscapes and Taipei
_base_ = './city_rome.py'
train_dataloader = dict(dataset=dict(domains=dict(unlabeled=dict(city='Taipei'))))
val_dataloader = dict(dataset=dict(city='Taipei'))
test_dataloader = val_dataloader
