import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.geometry import (
    areas,
    as_quads,
    offset_quads,
    printed_window,
    resize,
    shrink_distances,
    smallest_boxes,
    unshrink_distances,
    working_scale,
)


def rectangle(width, height, degrees=0.0, center=(0.0, 0.0), lean=None):
    """Or a parallelogram, whose upright edges lean by other degrees."""
    turn, lean = np.deg2rad([degrees, degrees if lean is None else lean])
    matrix = np.array([[np.cos(turn), -np.sin(lean)], [np.sin(turn), np.cos(lean)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    return as_quads(corners @ matrix.T + center)


@given(
    width=st.floats(4, 500),
    height=st.floats(4, 200),
    degrees=st.floats(-180, 180),
    ratio=st.floats(0.3, 0.9),
)
def test_growing_undoes_shrinking(width, height, degrees, ratio):
    quad = rectangle(width, height, degrees)
    small = offset_quads(quad, shrink_distances(quad, ratio))
    sides = np.linalg.norm(np.diff(small[0, :3], axis=0), axis=1)
    distance = unshrink_distances(sides[:1], sides[1:], ratio)
    np.testing.assert_allclose(offset_quads(small, -distance), quad, atol=0.02)


def test_shrinking_follows_the_paper():
    quad = as_quads([[0, 0], [80, 0], [80, 20], [0, 20]])
    assert shrink_distances(quad, 0.5) == pytest.approx([1600 * 0.75 / 200])


@pytest.mark.parametrize(
    "quad",
    [
        [[5, 5]] * 4,
        [[0, 0], [9, 0], [9, 0], [0, 0]],
        [[0, 0], [9, 9], [9, 0], [0, 9]],
    ],
    ids=["point", "line", "bow tie"],
)
def test_degenerate_quads_stay_finite(quad):
    quads = as_quads([quad])
    assert np.isfinite(offset_quads(quads, shrink_distances(quads, 0.5))).all()


def test_area_is_positive_clockwise():
    quad = rectangle(10, 4)
    assert areas(quad) == pytest.approx([40])
    assert areas(quad[:, ::-1]) == pytest.approx([-40])


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(3000, 1500, 0.5), (1500, 1000, 1), (100, 50, 2), (1, 1, 2)]
)
def test_working_scale(height, width, scale):
    assert working_scale(height, width, long_side=1500, max_upscale=2) == scale


def test_resizing_never_loses_a_side():
    assert resize(np.zeros((3, 5000, 3), np.uint8), 0.1).shape == (1, 500, 3)


@pytest.mark.parametrize(
    ("print_at", "expected"),
    [
        ((100, 50, 900, 450), (80, 40, 920, 460)),  # less its margins, with a little room
        ((0, 0, 1000, 500), (0, 0, 1000, 500)),
        ((400, 200, 410, 210), (55, 30, 755, 380)),  # never less than 0.7 of a side
        ((0, 0, 10, 10), (0, 0, 700, 350)),
        ((990, 490, 1000, 500), (300, 150, 1000, 500)),
        (None, (0, 0, 1000, 500)),  # blank
    ],
)
def test_blank_margins_are_left_out(print_at, expected):
    page = np.full((500, 1000, 3), (253, 246, 227), np.uint8)
    if print_at:
        left, top, right, bottom = print_at
        page[top:bottom, left:right] -= np.array([0, 0, 15], np.uint8)  # pale, and blue alone
    assert printed_window(page) == expected


@pytest.mark.parametrize(("turn", "lean"), [(0, 0), (20, 20), (20, 0), (-30, 5), (0, 35), (0, -35)])
def test_boxes_have_the_size_of_what_they_hold(turn, lean):
    fine = np.zeros((2000, 2000), np.uint8)  # a tenth of a pixel
    corners = rectangle(600, 200, turn, (1000, 1000), lean)
    cv2.fillPoly(fine, np.round(corners - 0.5).astype(int), 255)
    coarse = cv2.resize(fine, (200, 200), interpolation=cv2.INTER_AREA) > 127
    outlines, _ = cv2.findContours(
        coarse.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    (box,) = smallest_boxes(list(outlines), 0.15)
    np.testing.assert_allclose(box, [100, 100, 60, 20, turn, lean], atol=1.0)
    np.testing.assert_allclose(box[2:4], [60, 20], atol=0.6)
