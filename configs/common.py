"""What both stages share: settings, which a stage's config changes, and the real pages."""

from typing import Any

from detection.d2 import LazyCall as L
from ocr_pipeline.labels import LabelledPages
from synthesis.scenes import ScenePages

paths = dict(
    real="data/train",  # the real sets, in the label format (docs/formats.md)
    typeset="data/typeset",  # the PDFs that `ocr-synth typeset` wrote
    signs="data/signs",  # those of its kinds sign, poster, scatter and screen
    documents="data/documents",  # any folder of born-digital PDFs
    photos="data/photos",  # pictures without text, to lay words on
)

#: Sets whose quads end at the ink of their line or a little inside, and by how much they grow.
GROW = {"sroie": (0.08, 0.15, 0.08)}


def real_pages(name: str, *, labels: str = "labels_words.jsonl", held_out: bool = False) -> Any:
    """A real set below paths.real: every 20th page if held out (for validation), else the rest."""
    return L(LabelledPages)(
        folder=f"${{paths.real}}/{name}",
        labels=labels,
        part=(0 if held_out else ~0, 20),
        grow=GROW.get(name, (0.0, 0.0, 0.0)),
    )


def scenes(**settings: Any) -> Any:
    """Words of paths.signs on the photographs of paths.photos."""
    return L(ScenePages)(photos=["${paths.photos}"], lettering=["${paths.signs}"], **settings)


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
    freeze=[],  # beginnings of the names of parameters that stay as they are
    freeze_norm=False,  # whether batch norms keep their statistics
    checkpoint_minutes=10,
    eval_period=1000,
    best="",  # the figure, as set/figure, by which weights are kept; "" keeps the last
    patience=0,  # evaluations without a better one that end the run; 0 for never
    log_period=50,
)
