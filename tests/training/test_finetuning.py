import json
import re

import pytest
import torch
from filelock import FileLock

from detection.d2 import LazyConfig
from ocr_pipeline.cli.train import main, plain, read_charset
from ocr_pipeline.device import multiplies_bytes
from ocr_pipeline.evaluation import nothing_read
from ocr_pipeline.labels import LabelError, LabelledPages
from ocr_pipeline.training.overfit import OverfitError, overfit_one_batch
from ocr_pipeline.training.preflight import inspect
from ocr_pipeline.training.recipe import (
    SANITY,
    detection_settings,
    fine_tuning,
    recognition_settings,
)
from ocr_pipeline.weights import load_detector, load_recognizer
from recognition.codec import Codec
from tests.recognition.test_data import page_of
from tests.training.conftest import save_tiny

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
QUICK = ["data.num_workers=0", "train.device=cpu", "train.dtype=float32", "train.log_period=1",
         "data.dataset.max_pixels=24576", "evaluate.limit=20"]  # fmt: skip


def run(data, out, *more):
    arguments = ["recognition", "--data", data, "--out", out, "--replay", 0, *more, *QUICK]
    return main([str(argument) for argument in arguments])


def test_a_folder_is_learnt_measured_resumed_and_used(
    tmp_path, write_pages, tiny_weights, capsys, caplog
):
    data, out = write_pages(tmp_path / "my"), tmp_path / "run"
    settings = ("--weights", tiny_weights, "train.steps=4", "train.eval_period=2")
    out.mkdir()
    with FileLock(out / ".lock"):
        assert run(data, out, *settings) == 1
    assert f"{out}: another run writes there now" in capsys.readouterr().err
    assert run(data, out, *settings) == 0
    report = json.loads((out / "report.json").read_text())
    assert {"validation/cer", "sanity/cer"} <= set(report["before"])
    assert len(list((out / "samples").glob("*.png"))) == 3
    assert run(data, out, *settings) == 1
    assert "holds a run already; add --resume" in capsys.readouterr().err
    assert run(data, out, "--resume", "train.steps=6") == 0
    assert LazyConfig.load(str(out / "config.yaml")).train.eval_period == 2
    assert (
        f"going on with the settings in {out / 'config.yaml'}, changed: train.steps=6"
        in caplog.text
    )
    assert torch.load(out / "last.pth", weights_only=True)["iteration"] == 5
    assert load_recognizer(out, CPU).source == str(out / "weights.safetensors")
    assert "validation: 1 pages" in caplog.text
    assert "frozen: stem., stages.0.; batch norms keep their statistics" in caplog.text


def test_a_detector_is_tuned(tmp_path, write_pages, tiny_detector):
    data, out = write_pages(tmp_path / "my"), tmp_path / "run"
    pages = ["detection", "--data", data, "--weights", tiny_detector, "--replay", 0, "--out", out]
    settings = ["data.num_workers=0", "data.mapper.crop_size=[64,64]", "train.device=cpu",
                "evaluate.limit=1", "train.steps=2", "train.log_period=1"]  # fmt: skip
    assert main([str(argument) for argument in pages + settings]) == 0
    report = json.loads((out / "report.json").read_text())
    assert {"validation/hmean", "sanity/recall"} <= set(report["after"])
    detector = load_detector(out, CPU)
    assert detector.long_side == 320
    assert detector.calibration == [0.8, 30.0]  # one page cannot tell
    kinds = {buffer.dtype for buffer in detector.model.buffers()}
    assert (torch.int8 in kinds) == multiplies_bytes(CPU)  # by the ranges that were evaluated
    assert len(list((out / "samples").glob("*.png"))) == 2


def test_a_run_learns_new_symbols_and_keeps_what_it_knew(tmp_path, write_pages, tiny_weights):
    data, out = write_pages(tmp_path / "my"), tmp_path / "run"
    (tmp_path / "greek.txt").write_text("α β\nγ", encoding="utf-8")
    charset = f"+{tmp_path / 'greek.txt'}"
    settings = ("--weights", tiny_weights, "--charset", charset, "train.steps=1", "train.lr=1e-9")
    assert run(data, out, *settings) == 0
    before, after = load_recognizer(tiny_weights, CPU), load_recognizer(out, CPU)
    assert after.codec.charset == "abcdefghαβγ"
    measured = json.loads((out / "report.json").read_text())["before"]
    # The charset has no letters for the sanity set.
    assert {name.partition("/")[0] for name in measured} == {"validation"}
    known = before.model.head.weight
    torch.testing.assert_close(after.model.head.weight[:9], known, atol=1e-3, rtol=1e-3)


def quads(words):
    return lambda record: record | {"words": [record["words"][0] | word for word in words]}


def turned(word):
    return word | {"quad": word["quad"][::-1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (quads([]), "nothing to learn: 0 words to learn on 4 pages"),
        (quads([{"text": "abc", "ignore": True}]), "nothing to learn"),
        (quads([{"text": ""}]), r"4 \(no text; .* e.g. '' in 0.png, '' in 1.png, '' in 2.png"),
        (quads([{"text": "ab "}]), r"4 \(space at an end, .* e.g. 'ab ' in 0.png"),
        (quads([{"text": "aΩä"}]), r"'Ω' 4, 'ä' 4; add them with --charset '\+äΩ'"),
        (quads([{"text": "ab" * 40}]), r"4 \(label longer than the time steps .* e.g. 'abababab"),
        (quads([{"text": "a" * 14}]), "label longer than the time steps"),
        (quads([{"quad": [[5, 5]] * 4}]), r"4 \(quad without area\)"),
        (quads([{"quad": [[5, 5], [9, 5]]}]), "not four points"),
        (quads([{"quad": [[5, 5], [9, 5], [9, 9], [5, float("nan")]]}]), "not four points"),
        (quads([{"text": 7}]), "word 1 has no text"),
        (lambda r: r | {"words": [turned(w) for w in r["words"]]}, "9 of 9 quads have their corne"),
        (quads([{"quad": [[900, 5], [990, 5], [990, 30], [900, 30]]}]), "4 of 4 quads lie outside"),
        (lambda r: r | {"image": "images/none.png"}, "none.png: missing or not an image; mend"),
        (lambda r: r | {"width": r["height"], "height": r["width"]}, "another version of the pic"),
    ],
)
def test_labels_that_cannot_be_learnt_are_explained(tmp_path, write_pages, change, message):
    folder = write_pages(tmp_path / "my", change=change)
    with pytest.raises(LabelError, match=f"(?s){message}"):
        inspect(LabelledPages(folder=folder), Codec(charset="abcdefgh"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            turned,
            r"doubtful: 1 \(quad drawn anticlockwise; its crop is a mirror image: .*'abba' in ",
        ),
        (lambda w: w | {"quad": [[290, 9], [390, 9], [390, 30], [290, 30]]}, "reaches out of the"),
        (
            lambda w: w | {"quad": [[5, 9], [310, 9], [310, 11], [5, 11]]},
            r"1 \(quad more than 125 times as wide as high; its crop takes the memory of a whole",
        ),
    ],
    ids=["anticlockwise", "off the page", "far too wide"],
)
def test_what_is_learnt_but_doubtful_is_counted_and_named(tmp_path, write_pages, word, message):
    def change(record):
        first, *others = record["words"]
        return record | {"words": [word(first) if first["text"] == "abba" else first, *others]}

    folder = write_pages(tmp_path / "my", change=change)
    found = inspect(LabelledPages(folder=folder), Codec(charset="abcdefgh"))
    assert found.words == 9
    assert re.search(message, "\n".join(found.lines()))


def test_validation_that_counts_nothing_is_refused(tmp_path, write_pages):
    data = write_pages(tmp_path / "my")
    lines = write_pages(tmp_path / "lines", change=quads([{"text": "a b"}]))
    weights = save_tiny(tmp_path / "spaced.safetensors", "abcdefgh ")
    with pytest.raises(LabelError, match=r"lines: none of its 4 words can be measured by, .* with"):
        fine_tuning(
            "recognition", data=[data], out=tmp_path, validation=lines, weights=weights, replay=0
        )


def test_lines_are_not_for_the_detector(tmp_path, write_pages):
    folder = write_pages(tmp_path / "my", change=lambda record: record | {"level": "line"})
    assert inspect(LabelledPages(folder=folder), Codec(charset="abcdefgh")).words == 9
    with pytest.raises(LabelError, match="of lines, and the detector learns words; cut"):
        inspect(LabelledPages(folder=folder), None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recognitoin", "--data", "my"], "did you mean recognition?"),
        (["recognition"], "--data is missing: name a labelled folder"),
        (["recognition", "--data", "none"], "none/labels.jsonl: no such label file"),
        (["recognition", "--data", "none.jsonl"], "none.jsonl: no such label file"),
        (["recognition", "--data", "{my}", "train.step=7"], "no key 'train.step'; did you mean"),
        (["recognition", "--data", "{my}", "--replay", "1"], "--replay is 1.0: give a share from"),
        (["recognition", "--data", "{my}", "--charset", "+no.txt"], "+no.txt: no such file"),
        (["detection", "--data", "{my}", "--charset", "α"], "the detector knows no characters"),
        (["detection", "--data", "{my}", "--weights", "{weights}"], "of the other stage, not of"),
        (["recognition", "--data", "{my}", "--weights", "w.safetensors"], "no such weights file"),
        (["recognition", "--data", "{my}", "train.device=cuda:9"], "torch sees"),
        (["recognition", "--data", "{my}", "train.steps=many"], "train.steps is a whole number"),
        (["recognition", "--data", "{my}", "train.lr=fast"], "train.lr is a number such as 0.001"),
        (
            ["recognition", "--data", "{my}", "train.freeze=stem."],
            "is a list, such as [stem.] (now",
        ),
        (
            ["recognition", "--data", "{my}", "train.freeze=[stem."],
            "train.freeze=[stem.: cannot be",
        ),
        (["recognition", "--data", "{my}", "--gpus", "99"], "--gpus 99: torch sees"),
        (["recognition", "--data", "{my}", "train.freeze=[steam]"], "no parameter begins with"),
    ],
)
def test_what_is_asked_wrongly_costs_one_line(
    tmp_path, write_pages, tiny_weights, capsys, arguments, message
):
    folder = write_pages(tmp_path / "my")
    if "--replay" not in arguments:
        arguments = [*arguments, "--replay", "0"]
    if "detection" not in arguments and "--weights" not in arguments:
        arguments = [*arguments, "--weights", "{weights}"]
    arguments = [a.format(my=folder, weights=tiny_weights) for a in arguments]
    try:
        code = main([*arguments, "--out", str(tmp_path / "run")])
    except SystemExit as exit:
        code = exit.code
    assert code in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_one_page_cannot_be_parted(tmp_path, write_pages, tiny_weights):
    folder = write_pages(tmp_path / "my", [page_of(["abba"])])
    with pytest.raises(LabelError, match=r"1 page.* cannot be parted .* with --validation"):
        fine_tuning("recognition", data=[folder], out=tmp_path, weights=tiny_weights, replay=0)
    cfg = fine_tuning(
        "recognition", data=[folder], out=tmp_path, weights=tiny_weights, replay=0,
        validation=folder, device="cpu",
    )  # fmt: skip
    assert cfg.train.steps == 300


def test_settings_follow_the_amount_of_data():
    few, some, many = (recognition_settings(words=w, fresh=0, cuda=False)
                       for w in (500, 7_500, 10**6))  # fmt: skip
    assert (few["steps"], some["steps"], many["steps"]) == (300, 4_500, 6_000)
    assert few["lr"] < some["lr"]
    assert few["freeze"]
    assert not some["freeze"]
    assert recognition_settings(words=500, fresh=24, cuda=False)["freeze"] == []
    assert detection_settings(pages=50, cuda=False)["steps"] == 2_750
    assert detection_settings(pages=5_000, cuda=True)["steps"] == 12_000
    assert not detection_settings(pages=5_000, cuda=True)["freeze_norm"]


def test_the_detector_config_builds_and_survives_its_file(tmp_path, write_pages):
    folder = write_pages(tmp_path / "my")
    cfg = fine_tuning("detection", data=[folder], out=tmp_path, replay=0, device="cpu")
    LazyConfig.save(cfg, str(tmp_path / "config.yaml"))
    loaded = LazyConfig.load(str(tmp_path / "config.yaml"))
    assert loaded.train == cfg.train
    assert loaded.data.mapper.long_side == 2048
    assert loaded.model["_target_"] == "detection.model.DBNet"


def test_one_batch_is_learnt_by_heart_or_the_fault_is_named(tmp_path, write_pages, tiny_weights):
    folder = write_pages(tmp_path / "my")
    cfg = fine_tuning(
        "recognition", data=[folder], out=tmp_path, weights=tiny_weights, replay=0, device="cpu"
    )
    LazyConfig.apply_overrides(cfg, [*QUICK, "train.freeze=[]", "train.lr=0.01"])
    assert "learnt by heart: loss" in overfit_one_batch(cfg, steps=60)
    LazyConfig.apply_overrides(cfg, ["train.freeze=[stem,stages,lstm]"])
    with pytest.raises(OverfitError, match=r"could not be learnt .* check train\.freeze"):
        overfit_one_batch(cfg, steps=3)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([""] * 30, "all came out empty"),
        (["e"] * 25 + ["a"] * 5, "25 came out as 'e'. It has not begun to tell letters apart"),
        ([f"w{i}" for i in range(30)], "out of step"),
    ],
)
def test_accuracy_stuck_at_nought_is_explained(texts, message):
    assert message in nothing_read(texts)


def test_an_error_of_a_worker_is_told_without_its_traceback():
    message = (
        "Caught LabelError in DataLoader worker process 0.\nOriginal Traceback (most recent call "
        "last):\n  File x\nocr_pipeline.labels.LabelError: a.png: missing; mend it"
    )
    assert plain(LabelError(message)) == "a.png: missing; mend it"


def test_the_sanity_set_is_small_and_whole():
    pages = LabelledPages(folder=str(SANITY))
    assert inspect(pages, Codec()).words > 200
    size = sum(path.stat().st_size for path in (pages.folder / "images").iterdir())
    assert size + (pages.folder / "labels.jsonl").stat().st_size < 300_000


def test_pages_that_are_learnt_and_measured_by_are_told_of(tmp_path, write_pages, caplog):
    folder = write_pages(tmp_path / "my")
    with caplog.at_level("WARNING"):
        fine_tuning("recognition", data=[folder], validation=folder, out=tmp_path, replay=0)
    assert " validation pages are learnt from too, such as " in caplog.text
    caplog.clear()
    with caplog.at_level("WARNING"):
        fine_tuning("recognition", data=[folder], out=tmp_path, replay=0)
    assert "learnt from too" not in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "x", "--replay", "0.5"], "--weights, --replay: for fine-tuning a stage"),
        (["--gpus", "0"], "--gpus 0: give 1 or more"),
    ],
)
def test_options_that_would_be_ignored_are_refused(tmp_path, capsys, options, message):
    assert main(["configs/recognition/crnn.py", "--out", str(tmp_path / "run"), *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("charset", ["+×.÷", "+-.0123", "αβγδ.εζ", "漢" * 300])
def test_symbols_are_not_taken_for_a_file(charset):
    assert read_charset(charset) == charset
