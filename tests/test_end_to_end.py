"""The shipped weights on rendered pages, through the same doors that users take."""

import json
from difflib import SequenceMatcher
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pypdfium2
import pytest
import torch
import typst

from ocr_pipeline import OCRPipeline
from ocr_pipeline.cli.run import main
from ocr_pipeline.evaluation import PageMetric, evaluate_recognizer
from ocr_pipeline.results import schema
from recognition.crops import crop_words
from recognition.recognizer import Recognizer
from synthesis.degrade import turned
from synthesis.pdf import render_page

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="module")
def ocr():
    return OCRPipeline.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def letter():
    """A letter in 12 points at 150 dpi, in a typeface kept out of training, with its words."""
    source = (SAMPLES / "letter.typ").read_bytes()
    pdf = pypdfium2.PdfDocument(typst.compile(source, ignore_system_fonts=True))
    return render_page(pdf[0], 150)


def test_a_clean_letter_is_read(ocr, letter):
    document = ocr.read(letter["image"])
    metric = PageMetric()
    metric.update(letter, document.words)
    figures = metric.summary()
    assert figures["truth"] > 200
    assert figures["raw_recall"] >= 97
    assert figures["raw_precision"] >= 97
    assert "48 Quayside Road" in document.text


@pytest.mark.parametrize("degrees", [33, 90, 180, 247, 270])
def test_a_page_the_wrong_way_up_reads_the_same(ocr, letter, degrees):
    upright = ocr.read(letter["image"])
    askew = ocr.read(turned(letter, degrees)["image"])
    least = 0.99 if degrees % 90 == 0 else 0.97
    assert SequenceMatcher(None, upright.text, askew.text, autojunk=False).ratio() > least
    # The slant is told by the boxes of words alone.
    assert askew.pages[0].angle % 360 == pytest.approx(degrees, abs=1 if degrees % 90 == 0 else 2)


def test_the_words_of_a_clean_letter_are_read_on_true_quads(ocr, letter):
    metric = evaluate_recognizer(ocr.recognizer, [letter])
    assert metric.summary()["exact"] >= 97


def test_words_do_not_depend_on_their_batch_mates(ocr, letter):
    quads = np.array([word["quad"] for word in letter["words"]])
    crops = crop_words(letter["image"], quads)
    fp32 = Recognizer(model=ocr.recognizer.model, codec=ocr.recognizer.codec, dtype=torch.float32)
    for recognizer in (ocr.recognizer, fp32):
        together = recognizer.recognize(crops)
        for crop, reading in list(zip(crops, together, strict=True))[::7]:
            (alone,) = recognizer.recognize([crop])
            assert alone.text == reading.text
            assert alone.confidence == pytest.approx(reading.confidence, abs=0.05)


def test_a_page_twice_as_large_reads_the_same(ocr, letter):
    large = cv2.resize(letter["image"], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    once, twice = (PageMetric(), PageMetric())
    once.update(letter, ocr.read(letter["image"]).words)
    words = [{**word, "quad": 2 * np.array(word["quad"])} for word in letter["words"]]
    twice.update({"words": words}, ocr.read(large).words)
    assert abs(once.summary()["raw_f"] - twice.summary()["raw_f"]) < 3


@pytest.mark.parametrize("shape", [(1, 1, 3), (600, 400, 3), (3, 5000, 3), (5000, 3, 3)])
def test_a_blank_page_is_an_empty_result(ocr, shape):
    document = ocr.read(np.full(shape, 255, np.uint8))
    assert document.words == []
    assert document.text == ""


def test_the_command_reads_files_and_goes_on_after_bad_ones(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.png").write_bytes((SAMPLES / "letter.png").read_bytes())
    (tmp_path / "in" / "broken.png").write_bytes(b"not a picture")
    pictures = str(tmp_path / "seen")
    options = ["--out", str(tmp_path / "out"), "--overlay", pictures, "--maps", pictures]
    code = main([str(tmp_path / "in"), *options])
    assert code == 1
    errors = capsys.readouterr().err
    assert "detector.safetensors" in errors
    assert [line for line in errors.splitlines() if line.startswith("error: ")] == [
        line for line in errors.splitlines() if "broken.png: not an image" in line
    ]
    result = json.loads((tmp_path / "out" / "letter.json").read_text())
    jsonschema.validate(result, schema())
    text = " ".join(
        word["text"]
        for page in result["pages"]
        for block in page["blocks"]
        for line in block["lines"]
        for word in line["words"]
    )
    assert "Josephine" in text
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "letter.json",
        "run.jsonl",
    ]
    for kind in ("overlay", "maps"):
        assert cv2.imread(str(tmp_path / "seen" / f"letter.{kind}.png")) is not None
