# Cross-city: Cityscapes and Rio
_base_ = './city_rome.py'
train_dataloader = dict(dataset=dict(domains=dict(unlabeled=dict(city='Rio'))))
val_dataloader = dict(dataset=dict(city='Rio'))
test_dataloader = val_dataloader
