import json
import multiprocessing
import os
import re
import resource
import signal
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from configs.common import train as common
from detection.d2 import LazyCall as L
from ocr_pipeline.device import multiplies_bytes
from ocr_pipeline.evaluation import RecognitionEvaluator
from ocr_pipeline.training.engine import train
from ocr_pipeline.weights import WeightsError, load_model, load_recognizer
from recognition.codec import Codec
from recognition.crops import crop_words
from recognition.data import WordCrops
from recognition.losses import CTCObjective
from recognition.model import CRNN
from tests.recognition.test_data import page_of

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SIZES = dict(channels=(8, 16, 24, 32), blocks=(0, 0, 1), squeezed=32, hidden=32)
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
    kinds = {buffer.dtype for buffer in recognizer.model.buffers()}
    assert (torch.int8 in kinds) == multiplies_bytes(CPU)  # by the ranges that were evaluated
    model, _ = load_model(weights, CPU)
    assert weights.stat().st_size < 2.6 * sum(p.numel() for p in model.parameters())


def test_a_run_that_reads_nothing_is_told_why(tmp_path, caplog):
    cfg = config(steps=20)
    twenty = [page_of(["abba", "cab", "head", "fade", "bed"] * 4)]
    cfg.evaluate = L(RecognitionEvaluator)(sets=[("val", twenty)], codec="${codec}")
    weights = train(cfg, out=tmp_path)
    kept = weights.read_bytes()
    train(cfg, out=tmp_path, resume=True)  # with nothing left to do, nor to measure
    assert weights.read_bytes() == kept
    assert "val: none of 20 words was read right, all came out empty. A recog" in caplog.text


def test_a_run_goes_on_where_it_was_cut(tmp_path):
    train(config(steps=10, warmup=100), out=tmp_path)
    train(config(steps=16, warmup=100), out=tmp_path, resume=True)
    last = history(tmp_path)[-1]
    assert last["iteration"] == 15
    assert last["lr"] == pytest.approx(16 / 100 * 5e-3)
    assert torch.load(tmp_path / "last.pth", weights_only=True)["iteration"] == 15
    with pytest.raises(FileExistsError, match="holds a run already; add --resume"):
        train(config(), out=tmp_path)
    with pytest.raises(FileNotFoundError, match="no checkpoint to resume"):
        train(config(), out=tmp_path / "elsewhere", resume=True)


def test_a_run_starts_from_weights_and_refuses_those_of_another_shape(tmp_path):
    weights = train(config(steps=2), out=tmp_path / "first")
    train(config(steps=1, init=str(weights)), out=tmp_path / "second")
    other = config(steps=1, init=str(weights))
    other.model.hidden = 16
    with pytest.raises(WeightsError, match=r"is \(128, 32\), the model wants \(64, 32\)"):
        train(other, out=tmp_path / "third")


class Faulty(CTCObjective):
    """An objective in which something is not finite on chosen steps."""

    def __init__(self, *, model, bad, image=0.0, loss=0.0, weight=0.0, loss_in_half=0.0):
        super().__init__(model=model)
        self.bad, self.calls = bad, 0
        self.image, self.loss, self.weight, self.loss_in_half = image, loss, weight, loss_in_half

    def forward(self, batch):
        self.calls += 1
        if not self.bad(self.calls):
            return super().forward(batch)
        batch["images"][0, 0, 4, 4] += self.image
        self.model.stem.conv.weight.data[0, 0] += self.weight
        half = self.loss_in_half if torch.is_autocast_enabled("cpu") else 0.0
        return {"loss_ctc": super().forward(batch)["loss_ctc"] + self.loss + half}


def test_a_bad_step_is_skipped_and_counted(tmp_path, caplog):
    cfg = config(steps=6, log_period=1)
    cfg.objective = L(Faulty)(bad=lambda call: call == 3, image=float("inf"))
    weights = train(cfg, out=tmp_path)
    assert history(tmp_path)[-1]["skipped_steps"] == 1
    assert "step 2 skipped" in caplog.text
    recognizer = load_recognizer(weights, CPU)
    state = recognizer.model.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            dict(image=float("inf")),
            "the batch holds values that are not finite",
        ),
        (dict(loss=float("nan")), r"the step is too large; lower train\.lr \(now 0\.005\)"),
        (dict(weight=float("nan")), r"the weights themselves are not finite \(model\.stem\.conv"),
        (dict(loss_in_half=float("inf")), "in float32 the loss is finite, in bfloat16 it is not"),
    ],
    ids=["data", "rate", "weights", "precision"],
)
def test_a_run_that_only_fails_stops_with_a_diagnosis(tmp_path, fault, message):
    dtype = "bfloat16" if "loss_in_half" in fault else "float32"
    cfg = config(steps=10**6, lr=0.005, warmup=1, dtype=dtype)
    cfg.objective = L(Faulty)(bad=lambda call: True, **fault)
    with pytest.raises(FloatingPointError, match="50 steps in a row .*" + message):
        train(cfg, out=tmp_path)


class Cut(CTCObjective):
    """An objective that notes its losses, and breaks off at one of its calls as if killed."""

    losses: ClassVar[list[float]] = []

    def __init__(self, *, model, call=0):
        super().__init__(model=model)
        self.left = call

    def forward(self, batch):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        losses = super().forward(batch)
        self.losses.append(losses["loss_ctc"].item())
        return losses


@pytest.mark.parametrize("cut", [9, 13], ids=["at an evaluation", "between"])
def test_a_run_that_was_cut_gives_the_losses_of_one_that_was_not(tmp_path, monkeypatch, cut):
    def run(name, *, call=0, resume=False):
        monkeypatch.setattr(Cut, "losses", [])
        cfg = config(steps=16, eval_period=8, checkpoint_minutes=0, warmup=3)
        cfg.objective = L(Cut)(call=call)
        try:
            train(cfg, out=tmp_path / name, resume=resume)
        except KeyboardInterrupt:
            return Cut.losses, None
        return Cut.losses, load_model(tmp_path / name / "weights.safetensors", CPU)[0].state_dict()

    whole, weights = run("whole")
    first, _ = run("cut", call=cut)
    assert torch.load(tmp_path / "cut/last.pth", weights_only=True)["iteration"] == cut - 2
    second, resumed = run("cut", resume=True)
    assert len(first) == cut - 1
    assert first + second == whole
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


class Small(CTCObjective):
    """An objective for whose batches of more than `room` words there is no memory."""

    def __init__(self, *, model, room):
        super().__init__(model=model)
        self.room, self.seen = room, []

    def forward(self, batch):
        self.seen.append(len(batch["widths"]))
        if self.seen[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(batch)


def test_out_of_memory_makes_the_pieces_smaller_and_the_run_goes_on(tmp_path, caplog):
    # In one piece or several, the step is the same but for batch norms, which keep still here.
    settings = dict(steps=3, log_period=1, freeze_norm=True)
    cfg = config(**settings)
    cfg.model.dropout = 0.0
    train(cfg, out=tmp_path / "roomy")
    cfg.objective = L(Small)(room=5)
    train(cfg, out=tmp_path / "tight")
    assert re.search(
        r"step 0: out of memory with \d+ words, the widest '\w+' of \d+ pixels; each batch is run "
        "in 2 pieces from here on", caplog.text
    )  # fmt: skip
    assert "step 1: out of memory" not in caplog.text
    roomy, tight = (
        [e["total_loss"] for e in history(tmp_path / name) if "total_loss" in e]
        for name in ("roomy", "tight")
    )
    assert tight == pytest.approx(roomy, rel=1e-4)
    cfg.objective = L(Small)(room=0)
    with pytest.raises(
        MemoryError, match=r"with a single sample of .* words, .* train\.device=cpu"
    ):
        train(cfg, out=tmp_path / "none")


@contextmanager
def full_disk(room):
    """No file may grow beyond so many bytes: the system refuses to write on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, caplog):
    train(config(steps=3), out=tmp_path)
    with full_disk(100_000), pytest.raises(OSError, match=r"last.pth could not be written \(File"):
        train(config(steps=6, checkpoint_minutes=0), out=tmp_path, resume=True)
    assert "what was saved before stays; make room on the disk; the run goes on" in caplog.text
    assert torch.load(tmp_path / "last.pth", weights_only=True)["iteration"] == 2
    assert not list(tmp_path.glob(".*"))


@pytest.fixture(autouse=True)
def _signals_are_heeded():
    """A shell has some ignored in what it runs in the background; a run leaves those ignored."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def signalled(number, *, workers):
    """A run of which the fourth step is when this process, or its workers, get a signal."""

    def send(call):
        if call == 4:
            for worker in multiprocessing.active_children():
                os.kill(worker.pid, number)
            if not workers:
                signal.raise_signal(number)

    cfg = config(steps=50, log_period=1)
    cfg.data = L(DataLoader)(dataset=cfg.data, batch_size=None, num_workers=1)
    cfg.objective = L(Faulty)(bad=send)
    return cfg


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_stop_with_its_workers_finishes_its_step(tmp_path, number, caplog):
    with pytest.raises(SystemExit, match=str(128 + number)):
        train(signalled(number, workers=False), out=tmp_path)
    assert torch.load(tmp_path / "last.pth", weights_only=True)["iteration"] == 3
    assert "--resume goes on" in caplog.text
    assert not multiprocessing.active_children()


def test_a_run_whose_worker_is_killed_saves_where_it_is(tmp_path):
    before = signal.getsignal(signal.SIGCHLD)
    with pytest.raises(ChildProcessError, match=r"memory ran out; .* lower data\.num_workers"):
        train(signalled(signal.SIGKILL, workers=True), out=tmp_path)
    assert torch.load(tmp_path / "last.pth", weights_only=True)["iteration"] >= 3
    assert signal.getsignal(signal.SIGCHLD) is before


class Told:
    """An evaluation in the midst of which, at one of its calls, the process is told to stop."""

    def __init__(self, *, call):
        self.left = call

    def __call__(self, model):
        self.left -= 1
        for _ in range(2):
            model(torch.zeros(1, 1, 32, 32), torch.tensor([32]))
            if not self.left:
                signal.raise_signal(signal.SIGTERM)
        return {"val/hmean": 50.0}


@pytest.mark.parametrize(("call", "steps"), [(1, 0), (2, 2), (3, 4)], ids=["start", "mid", "end"])
def test_a_run_that_is_told_to_stop_in_an_evaluation_makes_it_later(tmp_path, caplog, call, steps):
    def run(call, resume):
        cfg = config(steps=4, eval_period=2, best="val/hmean")
        cfg.evaluate = L(Told)(call=call)
        train(cfg, out=tmp_path, resume=resume)

    with pytest.raises(SystemExit, match="143"):
        run(call, resume=False)
    assert ("no step was made: nothing to save" in caplog.text) == (not steps)
    assert (tmp_path / "last.pth").exists() == bool(steps)
    run(0, resume=bool(steps))
    evaluations = re.findall(r"evaluation at step (\d)", caplog.text)
    assert evaluations == ["0", "2", "4"]


class Figures:
    """An evaluation whose figures are known beforehand."""

    def __init__(self, *, figures, other=()):
        self.figures, self.other = iter(figures), iter(other)

    def __call__(self, model):
        return {"val/hmean": next(self.figures), "other/hmean": next(self.other, 90.0)}


def test_the_best_weights_are_kept_and_a_run_that_gets_no_better_ends(tmp_path, caplog):
    cfg = config(steps=30, eval_period=2, best="val/hmean", patience=2)
    cfg.evaluate = L(Figures)(figures=[50.0, 60.0, 70.0, 65.0, 70.0], other=[90.0, 85.0, 80.0])
    with caplog.at_level("INFO"):
        train(cfg, out=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == {"best_step": 4, "before": {"val/hmean": 50, "other/hmean": 90},
                      "after": {"val/hmean": 70, "other/hmean": 80}}  # fmt: skip
    assert "other/hmean got worse by 10.0: the model forgets what it knew; raise" in caplog.text
    assert "no better val/hmean in 2 evaluations since step 4: the run ends early" in caplog.text
    assert "val/hmean       50.00    70.00    +20.00" in caplog.text
    assert history(tmp_path)[-1]["iteration"] <= 8
    assert (tmp_path / "curves.png").stat().st_size > 5000


class Drawn:
    """An evaluation on what is drawn by torch's seed, as endless sources are."""

    def __call__(self, model):
        return {"val/seed": float(torch.initial_seed()), "val/draw": torch.rand(()).item()}


def test_every_evaluation_draws_the_same(tmp_path):
    cfg = config(steps=4, eval_period=2, best="val/draw")
    cfg.evaluate = L(Drawn)()
    train(cfg, out=tmp_path)
    for figure in ("val/seed", "val/draw"):
        values = [row[figure] for row in history(tmp_path) if figure in row]
        assert len(values) > 1
        assert len(set(values)) == 1


def test_a_run_that_only_gets_worse_keeps_what_it_began_with(tmp_path, caplog):
    start = train(config(steps=2), out=tmp_path / "start")
    cfg = config(steps=6, eval_period=3, best="val/hmean", init=str(start))
    cfg.evaluate = L(Figures)(figures=[50.0, 40.0, 30.0])
    weights = train(cfg, out=tmp_path / "worse")
    states = [load_model(path, CPU)[0].state_dict() for path in (start, weights)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert "no evaluation was better than the start" in caplog.text


def test_frozen_parts_stay_as_they_are(tmp_path):
    start = train(config(steps=2), out=tmp_path / "start")
    cfg = config(steps=4, init=str(start), freeze=["stem.", "lstm1"], freeze_norm=True)
    weights = train(cfg, out=tmp_path / "frozen")
    before, after = (load_model(path, CPU)[0].state_dict() for path in (start, weights))
    changed = {name.partition(".")[0] for name in before if not before[name].equal(after[name])}
    assert changed >= {"head", "lstm2", "stages"}
    assert not changed & {"stem", "lstm1"}
    assert before["stages.0.0.norm.running_var"].equal(after["stages.0.0.norm.running_var"])
