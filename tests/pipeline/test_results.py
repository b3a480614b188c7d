import json

import jsonschema
import numpy as np
import pytest

from ocr_pipeline.exports import to_json, to_text
from ocr_pipeline.results import (
    SCHEMA_VERSION,
    Block,
    Document,
    Line,
    Page,
    Word,
    as_quad,
    certainty,
    schema,
)

QUAD = as_quad([(0.04, 1), (10.26, 1), (10, 5), (0, 5)])
SHA = "0" * 64


def line(text):
    return Line(tuple(Word(word, 0.98765, QUAD, 0.5) for word in text.split()), QUAD)


def document(*pages):
    return Document(
        source="page.png",
        pages=pages,
        settings={"device": "cpu", "min_confidence": 0.0},
        models={
            stage: {"name": f"{stage}.x", "sha256": SHA} for stage in ("detector", "recognizer")
        },
        engine="1.2.3",
    )


BLANK = Page(index=1, width=3, height=4)
FULL = Page(
    index=0,
    width=100,
    height=50,
    angle=-1.23456,
    blocks=(Block((line("Größe in €"), line("second line")), QUAD), Block((line("end"),), QUAD)),
    timings={"detection": 0.123456},
    warnings=("the file breaks off",),
)


@pytest.mark.parametrize("pages", [(), (BLANK,), (FULL, BLANK)])
def test_json_matches_the_schema_and_comes_back(pages):
    data = json.loads(to_json(document(*pages)))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(data, schema())
    assert Document.from_dict(data).to_dict() == data


def test_numbers_are_rounded():
    word = FULL.to_dict()["blocks"][0]["lines"][0]["words"][0]
    assert word["quad"][:2] == [[0.0, 1.0], [10.3, 1.0]]
    assert word["confidence"] == 0.9877


def test_text_has_lines_blocks_and_pages():
    expected = "Größe in €\nsecond line\n\nend\n\f"
    assert document(FULL, BLANK).text == expected
    assert to_text(document(FULL)) == "Größe in €\nsecond line\n\nend\n"


def test_other_schema_version_is_refused():
    data = document().to_dict() | {"schema_version": "9.9"}
    with pytest.raises(ValueError, match=rf"9\.9.*{SCHEMA_VERSION}"):
        Document.from_dict(data)


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        to_json(document(Page(index=0, width=1, height=1, angle=float("nan"))))


def test_a_quad_has_four_points():
    with pytest.raises(ValueError, match="4 points, not 3"):
        as_quad([(0, 0), (1, 1), (2, 2)])


@pytest.mark.parametrize(
    ("confidence", "score", "sure"),
    [(0.8, 1, 0.8), (0.8, 0.25, 0.4), (0.8, np.float32(0.25), 0.4), (0.8, 0, 0), (0.8, -0.1, 0)],
)
def test_a_detection_score_counts_by_its_root(confidence, score, sure):
    assert certainty(confidence, score) == pytest.approx(sure)
    assert np.isnan(certainty(confidence, np.nan))
