import numpy as np
import pytest

from ocr_pipeline.orientation import SAMPLE, face_across, page_turn, turn_back


def word(x, y, width, height):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


WIDTH, HEIGHT = 1000, 300
PAGE = np.stack(
    [word(100 + 150 * k, 100 + 40 * row, 60 + 20 * k, 20) for row in range(4) for k in range(5)]
    + [word(50, 100, 8, 20), word(900, 180, 20, 20)]  # a lone 1, and a square
)
SPINE = word(10, 100, 20, 150)[None, [3, 0, 1, 2]]  # read upwards
TEXT = np.concatenate([PAGE, SPINE])


def turned(quads, quarters):
    """Quads of the page turned clockwise, still from where their text starts."""
    width, height = WIDTH, HEIGHT
    for _ in range(quarters):
        quads = np.stack([height - quads[..., 1], quads[..., 0]], axis=-1)
        width, height = height, width
    return quads, width, height


def as_detected(quads):
    """What a detector gives: quads that start at the corner at which upright text would."""
    starts = quads.sum(axis=2).argmin(axis=1)
    return np.stack([np.roll(quad, -k, axis=0) for quad, k in zip(quads, starts, strict=True)])


def reader(truth, asked):
    right = {tuple(quad.ravel()) for quad in truth}

    def confidences(quads):
        asked.append(len(quads))
        return [0.9 if tuple(quad.ravel()) in right else 0.3 for quad in quads]

    return confidences


@pytest.mark.parametrize("quarters", range(4))
def test_the_turn_of_a_page_is_seen_and_undone(quarters):
    truth, width, height = turned(TEXT, quarters)
    asked = []
    assert page_turn(as_detected(truth), reader(truth, asked)) == quarters
    assert asked == [2 * SAMPLE]
    np.testing.assert_array_equal(turn_back(TEXT, quarters, width, height), truth)


@pytest.mark.parametrize("quarters", range(4))
def test_a_point_of_the_page_is_where_rot90_puts_it(quarters):
    page = np.zeros((30, 50), np.uint8)
    page[7, 11] = 1
    ((y, x),) = np.argwhere(np.rot90(page, quarters))
    quad = np.array([[[x + 0.5, y + 0.5]] * 4])
    assert turn_back(quad, quarters, 50, 30)[0, 0].tolist() == [11.5, 7.5]


def test_words_across_the_page_are_turned_alone():
    asked = []
    found = face_across(np.concatenate([PAGE, as_detected(SPINE)]), reader(TEXT, asked))
    np.testing.assert_array_equal(found, TEXT)
    assert asked == [3]


def test_text_that_nobody_can_read_stays_as_it_is():
    def hopeless(quads):
        return [0.1] * len(quads)

    nothing = np.empty((0, 4, 2), np.float32)
    assert page_turn(PAGE, hopeless) == page_turn(nothing, hopeless) == 0
    np.testing.assert_array_equal(face_across(TEXT, hopeless), TEXT)
    assert face_across(nothing, hopeless).shape == (0, 4, 2)
