# An average of the segmentor over its steps, which labels images for the objectives that name it
teacher = dict(
    type='Teacher',
    alpha=0.99,  # α; .999 in DAFormer and MIC, .99 in DACS and below 5,000 steps
    start=0,  # optimizer steps of burn-in
    debias=0.0,  # λ: how much more often rare classes are labeled
    evaluate='student',  # which of the two is tested
)
