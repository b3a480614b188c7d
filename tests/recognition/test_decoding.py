import math
from collections import Counter
from itertools import groupby, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recognition import decoding
from recognition.codec import Codec
from recognition.decoding import beam_decode, character_spans, greedy_decode
from recognition.language import LanguageModel, learn
from recognition.metrics import expected_calibration_error, fit_exponent

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


def texts_by_probability(logits):
    """Every text that some path spells, with the sum of its paths' probabilities."""
    steps, classes = logits.shape
    probabilities = logits.softmax(dim=1)
    texts = Counter()
    for path in product(range(classes), repeat=steps):
        symbols = tuple(k for k, _ in groupby(path) if k != Codec.BLANK)
        texts[symbols] += float(probabilities[range(steps), path].prod())
    return texts.most_common()


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_a_wide_beam_finds_the_likeliest_text(seed, steps):
    logits = torch.randn(steps, 3, generator=torch.Generator().manual_seed(seed))
    (best, probability), *others = texts_by_probability(logits)
    (decoded,) = beam_decode(logits[None], [steps], width=100)
    assert decoded.confidence == pytest.approx(probability, rel=1e-4)
    if all(probability - other > 1e-6 for _, other in others):
        assert tuple(decoded.indices) == best


def test_many_paths_outweigh_the_best_one():
    logits = torch.tensor([[[0.6, 0.4, 0, 0], [0.6, 0.4, 0, 0]]]).clamp(min=1e-9).log()
    assert greedy_decode(logits, [2])[0].indices == []  # 0.36; "a" has 0.4 + 0.24
    (decoded,) = beam_decode(logits, [2], width=4)
    assert codec.decode(decoded.indices) == "a"
    assert decoded.confidence == pytest.approx(0.64, rel=1e-4)
    (best_alone,) = beam_decode(logits, [2], width=4, margin=0.1)
    assert best_alone.indices == []  # "a" was behind after the first step


@given(st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 4.0]))
def test_nothing_that_could_be_saved_is_dropped(seed, margin):
    tables, characters = learn({"cab": 5.0, "abba": 3.0, "bac": 1.0, "cc": 1.0})
    language = LanguageModel(tables=tables, characters=characters, codec=codec)
    logits = 2 * torch.randn(1, 12, 4, generator=torch.Generator().manual_seed(seed))
    settings = dict(width=8, margin=margin, language=language)
    pruned = beam_decode(logits, [12], **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_MOST_SAID", math.inf)  # all could be saved
        assert beam_decode(logits, [12], **settings) == pruned


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_beam_and_greedy_agree_on_what_is_clear(path):
    (greedy,) = greedy_decode(logits_of(path), [len(path)])
    (beam,) = beam_decode(logits_of(path), [len(path)], width=4)
    assert (beam.indices, beam.frames) == (greedy.indices, greedy.frames)


def test_calibration_recovers_the_power_that_spoilt_confidences():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.3, 1, 20_000)
    right = rng.random(len(true)) < true
    spoilt = list(zip((true**2.5).tolist(), right.tolist(), strict=True))
    exponent = fit_exponent(spoilt)
    assert exponent == pytest.approx(0.4, abs=0.05)
    mended = [(sure**exponent, good) for sure, good in spoilt]
    assert expected_calibration_error(spoilt) > 0.15
    assert expected_calibration_error(mended) < 0.02
    assert fit_exponent([(sure, True) for sure, _ in spoilt]) is None
    few = [pair for pair in spoilt if not pair[1]][:19]
    assert fit_exponent([*few, *(pair for pair in spoilt if pair[1])]) is None
