from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.joining import _within_reach, join_pieces

from .conftest import Read

LINE = "adjustments to"  # letter k stands at 10 k .. 10 (k + 1)


def box(left, right, top=0.0, bottom=20.0):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def letters(start, end):
    return box(10 * start, 10 * end)


def turned(quads, degrees, *, around=(0, 0)):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((np.asarray(quads) - around) @ turn + around).astype(np.float32)


class Line:
    """Reads `LINE`, of quads along any direction, and counts what it reads."""

    def __init__(self, confidence=0.9, degrees=0.0):
        self.confidence, self.degrees, self.count = confidence, degrees, 0

    def __call__(self, quads):
        self.count += len(quads)
        flat = turned(quads, -self.degrees)
        return [
            Read(LINE[round(q[0, 0] / 10) : round(q[1, 0] / 10)], self.confidence) for q in flat
        ]


def join(quads, read):
    quads = np.asarray(quads, np.float32)
    readings = read(quads)
    read.count = 0
    return join_pieces(quads, np.linspace(0.9, 0.8, len(quads)), readings, read)


@pytest.mark.parametrize("degrees", [0, 7, 90, 180, -120])
@pytest.mark.parametrize("cuts", [[5], [2, 5], [1, 2, 3, 10]])
def test_pieces_become_a_word_at_any_angle(degrees, cuts):
    ends = [0, *cuts, 11]
    pieces = [letters(a, b) for a, b in pairwise(ends)]
    quads, scores, readings = join(turned(pieces, degrees), Line(degrees=degrees))
    assert [reading.text for reading in readings] == ["adjustments"]
    assert scores == pytest.approx([0.8])
    np.testing.assert_allclose(quads[0], turned(letters(0, 11), degrees), atol=1e-4)


def test_words_stay_apart_and_are_looked_at_once():
    read = Line()
    quads, _, readings = join([letters(0, 5), box(50, 114.8), box(115.2, 140)], read)
    assert [reading.text for reading in readings] == ["adjustments", "to"]
    assert len(quads) == 2
    assert read.count == 3  # each pair, and the whole word with what follows


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (box(51, 110), "a gap"),
        (box(40, 110), "too much of it under the first"),
        (box(50, 110, top=7, bottom=27), "another line"),
        (box(50, 110, top=5, bottom=15), "smaller print"),
        (turned(box(50, 110), 15, around=(50, 10)), "another direction"),
        (box(42, 49), "within the first"),
    ],
)
def test_no_neighbours(second, why):
    read = Line()
    quads, _, _ = join([letters(0, 5), second], read)
    assert (len(quads), read.count) == (2, 0), why


def test_what_would_be_left_out_is_neither_piece_nor_word():
    quads = np.stack([letters(0, 5), letters(5, 11)])
    for first, whole, score in [(0.1, 0.9, 1), (0.4, 0.19, 1), (0.9, 0.9, 0.2), (0.9, 0.39, 0.26)]:
        pieces, scores = [Read("adjus", first), Read("tments", 0.4)], np.array([1, score])
        joined, _, _ = join_pieces(quads, scores, pieces, Line(whole), min_confidence=0.2)
        assert len(joined) == 2


def test_a_place_that_is_none_is_passed_over():
    quads = np.stack([np.full((4, 2), np.nan), letters(0, 5), letters(5, 11)])
    pieces = [Read("", 0), Read("adjus", 0.9), Read("tments", 0.9)]
    joined, _, readings = join_pieces(quads, np.ones(3), pieces, Line())
    assert [reading.text for reading in readings] == ["", "adjustments"]
    assert len(joined) == 2


def test_an_unsure_whole_is_refused():
    quads = np.stack([letters(0, 5), letters(5, 11)])
    pieces = [Read("adjus", 0.9), Read("tments", 0.9)]
    for confidence, count in [(0.76, 2), (0.78, 1)]:
        joined, _, _ = join_pieces(quads, np.ones(2), pieces, Line(confidence))
        assert len(joined) == count


@pytest.mark.parametrize(
    ("first", "second", "whole", "count"),
    [
        ("RM96.", "20", Read("RM96.20", 0.85), 1),
        ("(0", "05)", Read("(0,05)", 0.7), 1),
        ("12", "30", Read("12 30", 0.9), 2),
        ("12", "30", Read("1230", 0.9), 2),
        ("12.", "2012", Read("12.2012", 0.9), 2),  # not looked at
    ],
)
def test_cents_may_stand_farther_off(first, second, whole, count):
    quads = np.stack([box(0, 50), box(58, 80)])
    pieces = [Read(first, 0.9), Read(second, 0.9)]
    joined, _, _ = join_pieces(quads, np.ones(2), pieces, lambda quads: [whole] * len(quads))
    assert len(joined) == count


@pytest.mark.parametrize(
    ("letters", "whole", "count"),
    [
        ("PRESS", "PRESS", 1),
        ("PRESS", "P R E S S", 5),
        ("PRESS", "PRES", 5),
        ("OF", "OF", 2),  # too few
        ("press", "press", 5),
        ("12345", "12345", 5),
    ],
)
def test_capitals_set_wide_are_a_word(letters, whole, count):
    quads = np.stack([box(36 * k, 36 * k + 20) for k in range(len(letters))])
    pieces = [Read(letter, 0.9) for letter in letters]
    joined, _, readings = join_pieces(
        quads, np.ones(len(quads)), pieces, lambda quads: [Read(whole, 0.4)] * len(quads)
    )
    assert len(joined) == count
    assert count > 1 or (readings[0].text == whole and joined[0, 1, 0] == 36 * 4 + 20)


@pytest.mark.parametrize("text", ["", "ad jus"])
def test_pieces_without_text_or_with_spaces_are_left_alone(text):
    read = Line()
    pieces = [Read(text, 0.9), Read("tments", 0.9)]
    quads, _, readings = join_pieces(
        np.stack([letters(0, 5), letters(5, 11)]), np.ones(2), pieces, read
    )
    assert (len(quads), readings, read.count) == (2, pieces, 0)


@given(
    st.lists(
        st.tuples(
            *[st.integers(-3, 9)] * 2, st.integers(0, 3), st.sampled_from(["A", "12", "", "a"])
        ),
        max_size=12,
    ),
    st.sampled_from(["", "12.12", "AA", "AAA"]),
)
def test_any_pieces_come_to_an_end(pieces, whole):
    quads = np.array(
        [box(10 * x, 10 * (x + width), 10 * y, 10 * y + 20) for x, y, width, _ in pieces]
    ).reshape(-1, 4, 2)
    said = [Read(text, 0.5) for *_, text in pieces]
    joined, scores, readings = join_pieces(
        quads, np.ones(len(quads)), said, lambda quads: [Read(whole, 0.5)] * len(quads)
    )
    assert len(joined) == len(scores) == len(readings) <= len(quads)
    assert whole or readings == said
    assert sum(reading.text == "" for reading in readings) == sum(r.text == "" for r in said)


def test_near_quads_are_sought_near_and_nowhere_else():
    rng = np.random.default_rng(0)
    starts = rng.uniform(-100, 3000, (2000, 2))
    ends = starts + rng.normal(0, 30, (2000, 2))
    reach = rng.uniform(0, 25, 2000)
    distances = np.linalg.norm(ends[:, None] - starts, axis=2)
    near = distances < reach[:, None]
    a, b = _within_reach(starts, ends, reach)
    found = set(zip(a.tolist(), b.tolist(), strict=True))
    assert found >= set(map(tuple, np.argwhere(near).tolist()))
    assert len(found) == len(a) < 10 * near.sum()  # of 4,000,000 pairs
