"""Training of both stages, from nothing or from trained weights.

    engine.train        what a LazyConfig describes -> a run folder with weights, curves, samples
    trainer.Trainer     one step: autocast, clipped gradients, bad steps skipped, memory watched
    stream.Stream       the batches of a run, the same ones whether it was cut or not
    hooks               averaged weights, learning rate, validation, checkpoints
    recipe.fine_tuning  a labelled folder -> the config that fits how much there is
    preflight           what is wrong with labels, said before training begins
    replay              synthetic pages beside the user's own, against forgetting
    pictures            curves and sheets of samples

The engine knows nothing of text: models, data and evaluation come from the config.
"""
