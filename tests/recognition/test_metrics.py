import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.augment import degrade_crop
from recognition.metrics import RecognitionMetric, edit_distance

texts = st.text("ab", max_size=8)


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("abc", "axc", 1), ("abc", "bca", 2)],
)
def test_edit_distance(a, b, edits):
    assert edit_distance(a, b) == edit_distance(b, a) == edits


@given(texts, texts, texts)
def test_edit_distance_is_a_metric(a, b, c):
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_figures_of_words():
    metric = RecognitionMetric()
    for label, text in [("Total:", "Total:"), ("TOTAL", "total"), ("a-b", "ab"), ("é1", "x1")]:
        metric.update(label, text, confidence=0.5)
    assert metric.summary() == pytest.approx(
        {
            "words": 4,
            "left_out": 0,
            "exact": 25.0,
            "caseless": 50.0,
            "alphanumeric": 75.0,
            "cer": 100 * (5 + 1 + 1) / 16,
            "ece": 25.0,
        }
    )
    assert metric.errors == [("TOTAL", "total"), ("a-b", "ab"), ("é1", "x1")]
    assert RecognitionMetric().summary()["exact"] == 0


def test_rough_crops_keep_their_shape_and_half_stay_as_they_are():
    rng = np.random.default_rng(0)
    same = 0
    for trial in range(600):
        width = (8, 33, 96, 900)[trial % 4]
        crop = rng.integers(0, 255, (32, width), np.uint8)
        before = crop.copy()
        rough = degrade_crop(crop, rng)
        assert (rough.shape, rough.dtype) == (crop.shape, np.uint8)
        assert np.array_equal(crop, before)
        same += np.array_equal(rough, crop)
    assert 0.45 < same / 600 < 0.6
