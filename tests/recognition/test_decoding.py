from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recognition.codec import Codec
from recognition.decoding import character_spans, greedy_decode

codec = Codec(charset="abc")


def logits_of(path):
    """Scores that make `path` (a class each step) by far the likeliest."""
    logits = torch.full((1, len(path), 4), -20.0)
    logits[0, torch.arange(len(path)), torch.tensor(path)] = 20.0
    return logits


@pytest.mark.parametrize(
    ("path", "text", "frames"),
    [
        ([0, 0, 0], "", []),
        ([1, 1, 1], "a", [(0, 3)]),
        ([1, 0, 1], "aa", [(0, 1), (2, 3)]),
        ([0, 2, 2, 3, 0, 3], "bcc", [(1, 3), (3, 4), (5, 6)]),
    ],
)
def test_runs_collapse_and_blanks_part_repeats(path, text, frames):
    (decoded,) = greedy_decode(logits_of(path), [len(path)])
    assert codec.decode(decoded.indices) == text
    assert decoded.frames == frames
    assert decoded.confidence == pytest.approx(1.0)


def test_steps_beyond_the_crop_are_never_read():
    (decoded,) = greedy_decode(logits_of([1, 2, 3, 3]), [2])
    assert codec.decode(decoded.indices) == "ab"


def test_confidence_is_the_product_of_the_path():
    logits = torch.tensor([[[0.6, 0.4, 0, 0], [0.1, 0.9, 0, 0]]]).clamp(min=1e-9).log()
    (decoded,) = greedy_decode(logits, [2])
    assert decoded.confidence == pytest.approx(0.54, rel=1e-4)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_spans_tile_the_crop_in_order(path):
    (decoded,) = greedy_decode(logits_of(path), [len(path)])
    spans = character_spans(decoded.frames, len(path))
    assert len(spans) == len(decoded.indices)
    if spans:
        assert spans[0][0] == 0.0
        assert spans[-1][1] == 1.0
        assert all(left < right for left, right in spans)
        assert all(a[1] == b[0] for a, b in pairwise(spans))
