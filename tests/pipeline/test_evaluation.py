import json

import cv2
import numpy as np
import pytest

from ocr_pipeline.evaluation import (
    PageMetric,
    RecognitionEvaluator,
    _spread,
    evaluate_detector,
    words_on_true_quads,
)
from ocr_pipeline.labels import LabelError, LabelledPages
from ocr_pipeline.results import Word, as_quad
from recognition.codec import Codec
from recognition.model import CRNN
from tests.pipeline.conftest import BarDetector, bars


def box(x, y, width, height=20):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def label(text, quad, ignore=False):
    return {"text": text, "quad": quad, "ignore": ignore}


def word(text, quad):
    return Word(text=text, confidence=1.0, quad=as_quad(np.array(quad)), detection_score=1.0)


PAGE = {
    "words": [
        label("Total", box(0, 0, 50)),
        label("Due:", box(60, 0, 40)),
        label("", box(0, 100, 40)),  # empty text is dropped
        label("###", box(200, 0, 40), ignore=True),
    ]
}


@pytest.mark.parametrize(
    ("read", "raw", "caseless", "bag"),
    [
        ([], 0, 0, 0),
        ([word("Total", box(0, 0, 50)), word("Due:", box(60, 0, 40))], 100, 100, 100),
        ([word("total", box(1, 0, 50)), word("Due:", box(60, 1, 40))], 50, 100, 100),
        # Right words in wrong places: only the bag counts them.
        ([word("Due:", box(0, 0, 50)), word("Total", box(60, 0, 40))], 0, 0, 100),
        # A reading on ignored truth is neither right nor wrong.
        ([word("Total", box(0, 0, 50)), word("x", box(200, 0, 40))], 200 / 3, 200 / 3, 200 / 3),
        # A second box on a word found already is a false one.
        ([word("Total", box(0, 0, 50)), word("Total", box(0, 0, 50))], 50, 50, 50),
    ],
)
def test_page_metric(read, raw, caseless, bag):
    metric = PageMetric()
    metric.update(PAGE, read)
    figures = metric.summary()
    assert figures["raw_f"] == pytest.approx(raw)
    assert figures["caseless_f"] == pytest.approx(caseless)
    assert figures["bag_f"] == pytest.approx(bag)


def test_lines_are_split_for_the_bag_and_curly_quotes_are_folded():
    metric = PageMetric()
    metric.update(
        {"words": [label("don’t PAY twice", box(0, 0, 200))]},
        [word("don't", box(0, 0, 50)), word("pay", box(60, 0, 40)), word("once", box(120, 0, 40))],
    )
    assert metric.summary()["bag_f"] == pytest.approx(200 / 3)


def test_pages_are_read_on_their_true_quads(ocr):
    page = {
        "image": np.array(bars(1, 5, 20, 22)),
        "words": [label("s1 s5", box(10, 20, 20, 10)), label("s20", box(60, 20, 20, 10)),
                  label("s22", box(85, 20, 20, 10)), label("", box(150, 20, 20, 10))],
    }  # fmt: skip
    words = words_on_true_quads(ocr, page)
    assert [(word.text, word.quad[0]) for word in words] == [("s1", (10, 20)), ("s22", (85, 20))]


def test_detector_is_measured_on_labelled_files(tmp_path):
    image = np.full((120, 300, 3), 255, np.uint8)
    for x in (20, 100):
        cv2.rectangle(image, (x, 40), (x + 49, 59), (0, 0, 0), -1)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    words = [label("a", box(20, 40, 50)), label("b", box(200, 40, 50))]
    record = {"image": "images/a.png", "width": 300, "height": 120, "words": words}
    (tmp_path / "labels.jsonl").write_text(json.dumps(record) + "\n")
    figures = evaluate_detector(BarDetector(), LabelledPages(folder=tmp_path)).summary()
    assert (figures["precision"], figures["recall"]) == (0.5, 0.5)


def test_validation_that_counts_no_word_is_no_perfect_one():
    page = {"image": np.zeros((40, 90, 3), np.uint8), "words": [label("a", box(0, 0, 50), True)]}
    evaluate = RecognitionEvaluator(sets=[("mine", [page])], codec=Codec(charset="a"))
    with pytest.raises(ValueError, match=r"mine: no word counts"):
        evaluate(CRNN(num_classes=2))


def test_label_files_are_checked_by_name_and_line(tmp_path):
    with pytest.raises(LabelError, match=r"labels\.jsonl: no such label file"):
        LabelledPages(folder=tmp_path)
    (tmp_path / "labels.jsonl").write_text('{"image": "images/a.png", "words": []}\n{"image"\n')
    with pytest.raises(LabelError, match=r"labels\.jsonl:2: not a label record"):
        LabelledPages(folder=tmp_path)
    (tmp_path / "labels.jsonl").write_text('{"image": "images/a.png", "words": []}\n')
    with pytest.raises(LabelError, match=r"a\.png: missing or not an image"):
        LabelledPages(folder=tmp_path)[0]


def test_parts_split_without_overlap(tmp_path):
    lines = [json.dumps({"image": f"{i}.png", "words": []}) for i in range(45)]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    held, kept = (LabelledPages(folder=tmp_path, part=(k, 20)).records for k in (0, ~0))
    assert [record["image"] for record in held] == ["0.png", "20.png", "40.png"]
    assert len(held) + len(kept) == 45
    assert not {r["image"] for r in held} & {r["image"] for r in kept}


@pytest.mark.parametrize("count", [1, 2, 39, 200])
def test_the_first_pages_that_are_measured_lie_all_over_the_set(count):
    order = list(_spread(range(count)))
    assert sorted(order) == list(range(count))
    for first in (5, 20):
        places = np.sort(order[:first])
        assert np.diff(places, prepend=0, append=count - 1).max() <= 3 * count / first + 1
