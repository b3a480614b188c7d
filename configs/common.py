"""Settings that both stages share; a stage's config copies and changes them."""

train = dict(
    steps=20_000,
    lr=1e-3,
    warmup=500,
    weight_decay=0.02,
    clip_norm=5.0,
    average=0.999,  # decay of the weight average: the last thousand steps or so
    dtype="bfloat16",  # of autocast; float32 switches it off
    device="auto",
    threads=0,  # of torch on a CPU; 0 leaves it to torch
    seed=1,
    init="",  # weights to go on from
    checkpoint_minutes=10,
    eval_period=1000,
    log_period=50,
)
