import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.metrics import DetectionMetric, fit_calibration, match, polygon_iou


def box(x, y, width=40, height=10):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        (box(0, 0), box(0, 0), 1),
        (box(0, 0), box(20, 0), 1 / 3),
        (box(0, 0), box(0, 0)[::-1], 1),
        (box(0, 0), box(100, 0), 0),
        (box(0, 0), box(40, 0), 0),
        (box(0, 0), box(0, 0, height=0), 0),
        ([[1, 1]] * 4, [[1, 1]] * 4, 0),
        (box(0, 0, 2, 2), [[1, -0.0], [2, 1], [1, 2], [0, 1]], 0.5),
    ],
)
def test_iou(a, b, iou):
    assert polygon_iou(a, b) == pytest.approx(iou)
    assert polygon_iou(b, a) == pytest.approx(iou)


boxes = st.lists(
    st.builds(box, st.integers(0, 60), st.integers(0, 30), st.integers(0, 50)), max_size=8
)


@given(truth=boxes, predicted=boxes)
def test_pairs_are_one_to_one_and_overlap(truth, predicted):
    pairs = match(truth, predicted, iou=0.3).pairs
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    for t, p in pairs:
        assert polygon_iou(truth[t], predicted[p]) >= 0.3
    assert len(match(predicted, truth, iou=0.3).pairs) == len(pairs)


def test_assignment_is_optimal_not_greedy():
    truth = [box(0, 0), box(12, 0)]
    predicted = [box(10, 0), box(24, 0)]  # the first is nearest to the second truth
    assert match(truth, predicted, iou=0.5).pairs.tolist() == [[0, 0], [1, 1]]


def test_ignored_truth_takes_predictions_away():
    truth = [box(0, 0), box(0, 50, 200, 30)]
    predicted = [box(0, 0), box(10, 55), box(60, 55), box(190, 55), box(0, 200)]
    matching = match(truth, predicted, ignore=[False, True])
    assert matching.pairs.tolist() == [[0, 0]]
    assert matching.dropped.tolist() == [False, True, True, False, False]


def test_a_pair_is_kept_though_it_lies_on_ignored_truth():
    matching = match([box(0, 0), box(0, 0)], [box(0, 0)], ignore=[True, False])
    assert matching.pairs.tolist() == [[1, 0]]
    assert not matching.dropped.any()


def test_straight_compares_upright_boxes():
    diamond = [[5, 0], [10, 5], [5, 10], [0, 5]]
    assert len(match([box(0, 0, 10, 10)], [diamond], iou=0.9).pairs) == 0
    assert len(match([box(0, 0, 10, 10)], [diamond], iou=0.9, straight=True).pairs) == 1


def test_counts_are_summed_over_pages():
    metric = DetectionMetric()
    metric.update([box(0, 0), box(0, 50)], [box(0, 0)])
    metric.update([box(0, 0)], [box(0, 0), box(0, 50), box(0, 90)], np.array([False]))
    metric.update([], [])
    summary = metric.summary()
    assert (summary["truth"], summary["predicted"], summary["pairs"]) == (3, 4, 2)
    assert summary["precision"] == pytest.approx(2 / 4)
    assert summary["recall"] == pytest.approx(2 / 3)
    assert summary["hmean"] == pytest.approx(4 / 7)
    metric.reset()
    assert metric.summary()["hmean"] == 0


def test_scores_of_predictions_are_noted_but_on_ignored_truth():
    metric = DetectionMetric()
    predicted = np.array([box(0, 0), box(0, 50), box(0, 90)], float)
    truth = np.array([box(0, 0), box(0, 90)], float)
    metric.update(truth, predicted, np.array([False, True]), scores=[0.9, 0.8, 0.7])
    assert metric.scores == [(0.9, True), (0.8, False)]


def test_calibration_finds_the_curve():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.7, 1, 5000)
    right = rng.random(5000) < 1 / (1 + np.exp(-30 * (scores - 0.8)))
    midpoint, slope = fit_calibration(list(zip(scores, right, strict=True)))
    assert midpoint == pytest.approx(0.8, abs=0.01)
    assert slope == pytest.approx(30, rel=0.15)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([], "nothing"),
        ([(0.9, True)] * 100 + [(0.8, False)] * 19, "too few wrong ones"),
        ([(0.8, True)] * 50 + [(0.9, False)] * 50, "the wrong ones are surer"),
    ],
)
def test_no_calibration_where_scores_do_not_tell(scores, why):
    assert fit_calibration(scores) is None, why


def test_calibration_of_scores_that_tell_all():
    midpoint, slope = fit_calibration([(0.9, True)] * 50 + [(0.7, False)] * 50)
    assert 0.7 < midpoint < 0.9
    assert 0 < slope < 1000
