import numpy as np
import pytest

from ocr_pipeline.orientation import face_reading_direction


def word(x, y, width, height):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


PAGE = np.stack(
    [word(100 + 150 * k, 100 + 40 * row, 60 + 20 * k, 20) for row in range(4) for k in range(5)]
    + [word(50, 100, 8, 20), word(900, 180, 20, 20)]  # a lone 1, and a square
)
SPINE = word(10, 100, 20, 150)[[3, 0, 1, 2]]  # read upwards


def turned(quads, quarters):
    """The page turned clockwise, its quads still facing the reading direction."""
    for _ in range(quarters):
        quads = np.stack([1000 - quads[..., 1], quads[..., 0]], axis=-1)
    return quads


def as_detected(quads):
    """What a detector gives: quads that start at the corner at which upright text would."""
    starts = [int((quad @ [1, 1]).argmin()) for quad in quads]
    return np.stack(
        [np.roll(quad, -start, axis=0) for quad, start in zip(quads, starts, strict=True)]
    )


@pytest.mark.parametrize("quarters", range(4))
def test_quads_of_a_turned_page_face_the_reading_direction(quarters):
    truth = turned(np.concatenate([PAGE, SPINE[None]]), quarters)
    right = {tuple(quad[0]) + tuple(quad[1]) for quad in truth.tolist()}
    asked = []

    def confidences(quads):
        asked.append(len(quads))
        return [0.9 if (*quad[0], *quad[1]) in right else 0.3 for quad in quads.tolist()]

    found = face_reading_direction(as_detected(truth), confidences)
    np.testing.assert_array_equal(found, truth)
    assert sum(asked) <= 2 * 12 + 3


def test_text_that_nobody_can_read_stays_upright():
    found = face_reading_direction(PAGE, lambda quads: [0.1] * len(quads))
    np.testing.assert_array_equal(found, PAGE)
    nothing = np.empty((0, 4, 2), np.float32)
    assert face_reading_direction(nothing, lambda quads: []).shape == (0, 4, 2)
