# Cross-city: Cityscapes and Tokyo
_base_ = './city_rome.py'
train_dataloader = dict(dataset=dict(domains=dict(unlabeled=dict(city='Tokyo'))))
val_dataloader = dict(dataset=dict(city='Tokyo'))
test_dataloader = val_dataloader
