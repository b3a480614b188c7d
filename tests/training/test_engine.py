import json

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from configs.common import train as common
from detection.d2 import LazyCall as L
from ocr_pipeline.engine import train
from ocr_pipeline.evaluation import RecognitionEvaluator
from ocr_pipeline.weights import WeightsError, load_recognizer
from recognition.codec import Codec
from recognition.crops import crop_words
from recognition.data import WordCrops
from recognition.losses import CTCObjective
from recognition.model import CRNN
from tests.recognition.test_data import page_of

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SIZES = dict(channels=(8, 16, 24, 32), blocks=(0, 0, 1), features=32, hidden=32)
pages = [page_of(["abba", "cab", "head", "fade", "bed"])]


def config(**settings):
    """A small recognizer that learns five words."""
    return OmegaConf.create(
        dict(
            codec=L(Codec)(charset="abcdefgh"),
            model=L(CRNN)(num_classes=9, **SIZES),
            objective=L(CTCObjective)(),
            data=L(WordCrops)(sources=L(list)(), codec="${codec}", max_pixels=32 * 96 * 16, seed=5),
            train={
                **common,
                **dict(steps=60, lr=5e-3, warmup=5, device="cpu", dtype="float32", average=0.9),
                **dict(log_period=5, eval_period=30),
                **settings,
            },
        ),
        flags={"allow_objects": True},
    )


@pytest.fixture(autouse=True)
def rendered_pages(monkeypatch):
    monkeypatch.setattr(
        "recognition.data.WordCrops.__init__",
        lambda self, *, sources, _init=WordCrops.__init__, **settings: _init(
            self, sources=[(pages, 1.0)], **settings
        ),
    )


def history(out):
    return [json.loads(line) for line in (out / "metrics.json").read_text().splitlines()]


def test_a_run_learns_evaluates_and_leaves_weights_that_read(tmp_path):
    cfg = config()
    cfg.evaluate = L(RecognitionEvaluator)(sets=[("val", pages)], codec="${codec}")
    weights = train(cfg, out=tmp_path)
    losses = [entry["total_loss"] for entry in history(tmp_path) if "total_loss" in entry]
    assert losses[-1] < 0.5 * losses[0]
    assert any("val/exact" in entry for entry in history(tmp_path))
    assert list(tmp_path.glob("events.*"))

    recognizer = load_recognizer(weights, CPU)
    assert recognizer.codec.charset == "abcdefgh"
    quads = np.array([word["quad"] for word in pages[0]["words"]])
    readings = recognizer.recognize(crop_words(pages[0]["image"], quads))
    assert len(readings) == 5
    assert weights.stat().st_size < 2.6 * sum(p.numel() for p in recognizer.model.parameters())


def test_a_run_goes_on_where_it_was_cut(tmp_path):
    train(config(steps=10, warmup=100), out=tmp_path)
    train(config(steps=16, warmup=100), out=tmp_path, resume=True)
    last = history(tmp_path)[-1]
    assert last["iteration"] == 15
    assert last["lr"] == pytest.approx(16 / 100 * 5e-3)
    assert torch.load(tmp_path / "last.pth", weights_only=True)["iteration"] == 16
    with pytest.raises(FileExistsError, match="holds a run already; add --resume"):
        train(config(), out=tmp_path)
    with pytest.raises(FileNotFoundError, match="no checkpoint to resume"):
        train(config(), out=tmp_path / "elsewhere", resume=True)


def test_a_run_starts_from_weights_and_refuses_those_of_another_shape(tmp_path):
    weights = train(config(steps=2), out=tmp_path / "first")
    train(config(steps=1, init=str(weights)), out=tmp_path / "second")
    other = config(steps=1, init=str(weights))
    other.model.hidden = 16
    with pytest.raises(WeightsError, match=r"is \(128, 128\), the model wants \(64, 128\)"):
        train(other, out=tmp_path / "third")


class Faulty(CTCObjective):
    """An objective whose input is not finite on chosen steps."""

    def __init__(self, *, model, bad):
        super().__init__(model=model)
        self.bad, self.calls = bad, 0

    def forward(self, batch):
        self.calls += 1
        if self.bad(self.calls):
            batch["images"][0, 0, 4, 4] = float("inf")
        return super().forward(batch)


def test_a_bad_step_is_skipped_and_counted(tmp_path, caplog):
    cfg = config(steps=6, log_period=1)
    cfg.objective = L(Faulty)(bad=lambda call: call == 3)
    weights = train(cfg, out=tmp_path)
    assert history(tmp_path)[-1]["skipped_steps"] == 1
    assert "step 2 skipped" in caplog.text
    recognizer = load_recognizer(weights, CPU)
    state = recognizer.model.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_run_that_only_fails_stops_with_a_diagnosis(tmp_path):
    cfg = config(steps=200)
    cfg.objective = L(Faulty)(bad=lambda call: True)
    with pytest.raises(FloatingPointError, match=r"50 steps in a row .* lower train\.lr"):
        train(cfg, out=tmp_path)
