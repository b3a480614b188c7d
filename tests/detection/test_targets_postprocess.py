"""Labels -> maps -> the same quads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.geometry import as_quads
from detection.metrics import match, polygon_iou
from detection.postprocess import Regions
from detection.targets import TextMaps
from tests.detection.test_geometry import rectangle


def round_trip(quads, height=256, width=512, **arguments):
    quads = as_quads(quads)
    maps = TextMaps(**arguments)(height, width, quads, np.zeros(len(quads), bool))
    return Regions(**arguments)(maps[0])


@settings(deadline=None, derandomize=True)
@given(
    height=st.floats(20, 60),
    aspect=st.floats(1, 5),
    degrees=st.floats(-40, 40),
    x=st.floats(230, 280),
    y=st.floats(120, 136),
)
def test_a_word_survives(height, aspect, degrees, x, y):
    quad = rectangle(height * aspect, height, degrees, (x, y))
    found, scores = round_trip(quad)
    assert len(found) == 1
    assert scores[0] > 0.8
    # Edges fall to half a pixel of the map, an error that growing back enlarges: to 1.2 pixels of
    # the image, that is, on each side.
    bound = (1 - 2.4 / height) * (1 - 2.4 / (height * aspect))
    assert polygon_iou(quad[0], found[0]) > bound


@settings(deadline=None, derandomize=True)
@given(
    height=st.floats(30, 50),
    aspect=st.floats(3, 6),
    degrees=st.floats(-40, 40),
    lean=st.floats(30, 40),
    side=st.sampled_from([-1, 1]),
)
def test_a_word_seen_from_aside_keeps_its_shape(height, aspect, degrees, lean, side):
    (quad,) = rectangle(height * aspect, height, degrees, (250, 180), degrees + side * lean)
    (found,), _ = round_trip(quad, height=360)
    assert polygon_iou(quad, found) > 0.9
    if abs(degrees + side * lean) < 40:  # else which of its sides is its foot is not to be known
        np.testing.assert_allclose(found, quad, atol=0.2 * height)


def test_ordinary_words_survive_well():
    quads = [rectangle(w, 24, 0, (100 + 0.37 * w, 100.3 + 0.21 * w))[0] for w in range(30, 150, 9)]
    overlaps = [polygon_iou(quad, round_trip(quad)[0][0]) for quad in quads]
    assert min(overlaps) > 0.9
    assert np.mean(overlaps) > 0.94


def test_narrow_gaps_weigh_more():
    near, far = (
        [rectangle(80, 24, 0, (x, 60))[0] for x in (60, 146)],
        rectangle(80, 24, 0, (330, 60)),
    )
    quads = as_quads([*near, *far])
    text, weights, *_ = TextMaps(gap_weight=3.0)(128, 512, quads, np.zeros(3, bool))
    assert set(np.unique(weights)) == {1, 3}
    assert (weights[26:34, 50:53] == 3).all()  # between 100 and 106, at half the resolution
    assert (weights[:, 60:] == 1).all()
    assert (weights[text > 0] == 1).all()
    beside_ignored = TextMaps()(128, 512, quads, np.array([False, True, False]))[1]
    assert set(np.unique(beside_ignored)) == {0, 1}


def test_margin_is_in_heights():
    maps = TextMaps()(256, 512, rectangle(90, 24, 10, (250, 128)), np.zeros(1, bool))
    (tight,), (loose,) = (Regions(margin=margin)(maps[0])[0] for margin in (0.0, 0.5))
    sides = [np.linalg.norm(np.diff(quad[:3], axis=0), axis=1) for quad in (tight, loose)]
    assert sides[1] - sides[0] == pytest.approx(0.5 * sides[0].min(), abs=1e-3)


@pytest.mark.parametrize("height", [8, 14, 40])
def test_neighbours_two_pixels_apart_stay_apart(height):
    quads = [
        [[x, y], [x + 38, y], [x + 38, y + height], [x, y + height]]
        for x in range(10, 460, 40)
        for y in range(5, 250 - height, height + 2)
    ]
    found, _ = round_trip(quads)
    assert len(match(quads, found).pairs) == len(found) == len(quads)


@pytest.mark.parametrize("degrees", [-40, -10, 0, 10, 40])
def test_first_corner_is_where_reading_starts(degrees):
    quad = rectangle(90, 24, degrees, (250, 128))[0]
    np.testing.assert_allclose(round_trip(quad)[0][0], quad, atol=3)


def test_an_upright_stroke_is_not_turned():
    stroke = as_quads([[100, 80], [108, 80], [108, 110], [100, 110]])
    np.testing.assert_allclose(round_trip(stroke)[0], stroke, atol=2)


def test_a_word_inside_a_ring_is_found():
    probability = np.zeros((128, 128), np.float32)
    probability[10:118, 10:118] = 1
    probability[16:112, 16:112] = 0
    probability[60:66, 40:80] = 1
    quads, _ = Regions()(probability)
    assert len(quads) == 2
    assert min(np.ptp(quad[:, 0]) for quad in quads) < 100


@pytest.mark.parametrize("shape", [(2, 2), (2, 700), (50, 50)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_plain_maps(shape, value):
    quads, scores = Regions()(np.full(shape, value, np.float32))
    assert quads.shape == (int(value), 4, 2)
    assert scores.shape == (int(value),)


def test_weak_regions_are_dropped():
    probability = np.zeros((100, 100), np.float32)
    probability[10:15, 10:30] = 0.55
    probability[30:35, 10:30] = 0.9
    probability[50:55, 10:50] = 0.9
    assert len(Regions(min_score=0.5)(probability)[0]) == 3
    assert len(Regions(min_score=0.7)(probability)[0]) == 2


def test_ignored_and_small_words_are_masked():
    words = as_quads(
        [
            [[10, 10], [60, 10], [60, 30], [10, 30]],
            [[10, 50], [60, 50], [60, 70], [10, 70]],
            [[10, 90], [60, 90], [60, 93], [10, 93]],
        ]
    )
    maps = TextMaps(short_weight=1.0)
    text, mask, _, border_mask = maps(128, 128, words, np.array([False, True, False]))
    assert text[10, 20] == 1
    assert mask[10, 20] == 1
    for x, y in [(20, 30), (20, 45)]:
        assert text[y, x] == mask[y, x] == border_mask[y, x] == 0
    assert mask.mean() > 0.8


def test_short_words_weigh_more():
    colon, letter, word = as_quads(
        [[[x, 20], [x + w, 20], [x + w, 40], [x, 40]] for x, w in [(20, 6), (120, 20), (240, 120)]]
    )
    ignored = as_quads([[[300, 80], [306, 80], [306, 100], [300, 100]]])
    quads = np.concatenate([colon[None], letter[None], word[None], ignored])
    text, weights, *_ = TextMaps()(128, 512, quads, np.array([False, False, False, True]))
    at = [(15, 11), (15, 65), (15, 150)]
    assert all(text[y, x] == 1 for y, x in at)
    assert [float(weights[y, x]) for y, x in at] == [3, pytest.approx(3**0.5), 1]
    assert weights[15, 30] == weights[40, 200] == 1  # away from words
    assert weights[45, 151] == 0
    _, alike, *_ = TextMaps(short_weight=1.0)(128, 512, quads[:3], np.zeros(3, bool))
    assert [float(alike[y, x]) for y, x in at] == [1, 1, 1]


def test_where_words_overlap_the_shortest_counts():
    colon = as_quads([[20, 20], [26, 20], [26, 40], [20, 40]])
    word = as_quads([[10, 18], [70, 18], [70, 42], [10, 42]])
    for quads in ([colon, word], [word, colon]):
        _, weights, *_ = TextMaps()(64, 128, np.concatenate(quads), np.zeros(2, bool))
        assert weights[15, 11] == 3


def test_threshold_is_highest_on_borders():
    word = as_quads([[20, 20], [100, 20], [100, 60], [20, 60]])
    _, _, threshold, mask = TextMaps()(128, 128, word, np.zeros(1, bool))
    assert threshold[10, 30] > 0.6  # upper edge
    assert threshold[20, 30] == pytest.approx(0.3)  # middle
    assert mask[20, 30] == 1
    assert mask[60, 60] == 0
    assert threshold.min() >= 0.29
    assert threshold.max() <= 0.71


@pytest.mark.parametrize(
    "quad",
    [
        [[5, 5]] * 4,
        [[-900, -900], [-800, -900], [-800, -880], [-900, -880]],
        [[0, 0], [90, 90], [90, 0], [0, 90]],
        [[-1e9, 0], [1e9, 0], [1e9, 20], [-1e9, 20]],
    ],
    ids=["point", "outside", "bow tie", "huge"],
)
def test_odd_labels_do_no_harm(quad):
    maps = TextMaps()(64, 64, as_quads([quad]), np.zeros(1, bool))
    assert maps.shape == (4, 32, 32)
    assert np.isfinite(maps).all()


def test_order_of_corners_does_not_matter_to_maps():
    word = as_quads([[20, 20], [100, 20], [100, 60], [20, 60]])
    ignore = np.zeros(1, bool)
    np.testing.assert_allclose(
        TextMaps()(128, 128, word, ignore)[0], TextMaps()(128, 128, word[:, ::-1], ignore)[0]
    )
