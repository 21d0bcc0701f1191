# Target finetuning: the source alone, then the target alone, from the source's weights (B2)
source_stage = dict(
    name='source',
    train_dataloader=dict(batch_size=1, sampler=dict(samples_per_domain=dict(target=0))),
)
target_stage = dict(
    name='finetune',
    train_dataloader=dict(batch_size=1, sampler=dict(samples_per_domain=dict(source=0))),
)
stages = [source_stage, target_stage]
