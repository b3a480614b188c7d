from dataclasses import dataclass

import numpy as np
import pytest

from ocr_pipeline.orientation import (
    SAMPLE,
    face_text,
    page_slant,
    page_turn,
    start_along,
    straighten,
    turn_back,
)


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
    # What is read surely one way is not tried the other.
    assert asked == ([SAMPLE] if quarters < 2 else [SAMPLE, SAMPLE])
    image = np.zeros((height, width, 3), np.uint8)
    _, back = straighten(image, quarters, 0.0)
    np.testing.assert_array_equal(turn_back(TEXT, back), truth)


def slanted(quads, degrees):
    """Quads turned clockwise about a far point; they lie in a picture of 2000 x 2000 pixels."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    centre = np.array([500, 150])
    return (quads - centre) @ np.array([[cos, sin], [-sin, cos]]) + 1000


@pytest.mark.parametrize("degrees", [-44, -13, 4.5, 30, 44])
def test_the_slant_of_a_page_is_seen_and_undone(degrees):
    truth = slanted(TEXT, degrees)
    found = start_along(as_detected(truth), slant := page_slant(as_detected(truth)))
    assert slant == pytest.approx(degrees, abs=0.01)
    np.testing.assert_allclose(found[:-1], truth[:-1])  # all but the spine
    straight, back = straighten(np.zeros((2000, 2000, 3), np.uint8), 0, slant)
    forth = np.linalg.inv(np.vstack([back, [0, 0, 1]]))[:2]
    level = turn_back(truth, forth)
    np.testing.assert_allclose(level - level[0, 0], TEXT - TEXT[0, 0], atol=0.2)
    assert level.min() > 0
    assert (level.reshape(-1, 2).max(0) < straight.shape[1::-1]).all()


@pytest.mark.parametrize("slant", [0.0, 17.0])
@pytest.mark.parametrize("quarters", range(4))
def test_a_point_of_the_page_is_where_it_was(quarters, slant):
    page = np.zeros((300, 500, 3), np.uint8)
    page[70:74, 110:114] = 255
    straight, back = straighten(page, quarters, slant)
    spot = np.argwhere(straight[..., 0] > 60).mean(axis=0)[::-1] + 0.5
    point = turn_back(np.array([[spot] * 4]), back)[0, 0]
    np.testing.assert_allclose(point, [112, 72], atol=0.3)


def test_words_that_disagree_have_no_slant():
    every = np.concatenate([slanted(PAGE, degrees) for degrees in (0, 20, 40)])
    assert page_slant(every) == 0
    assert page_slant(slanted(PAGE, 3)) == 0  # almost level
    assert page_slant(np.empty((0, 4, 2), np.float32)) == 0


@pytest.mark.parametrize(
    ("words", "degrees", "seen"), [(8, 8, 8), (7, 8, 0), (7, 14, 14), (1, 14, 14)]
)
def test_few_words_must_slant_by_more(words, degrees, seen):
    quads = slanted(PAGE[PAGE[:, 1, 0] - PAGE[:, 0, 0] > 40][:words], degrees)
    assert page_slant(quads) == pytest.approx(seen, abs=0.01)


@dataclass
class Said:
    text: str
    confidence: float


def sayer(truth, asked):
    right = {tuple(quad.ravel()): text for quad, text in truth}

    def read(quads):
        asked.append(len(quads))
        texts = [right.get(tuple(quad.ravel()), "") for quad in quads]
        return [Said(text or "I", 0.8 if text else 0.4) for text in texts]

    return read


def test_words_on_their_side_are_turned_alone():
    found = np.concatenate([PAGE, as_detected(SPINE)])
    asked = []
    read = sayer([*((quad, "word") for quad in PAGE[:-2]), (SPINE[0], "spine")], asked)
    quads, readings = face_text(found, read(found), read)
    np.testing.assert_array_equal(quads, TEXT)
    assert [reading.text for reading in readings] == ["word"] * 20 + ["I", "I", "spine"]
    assert asked == [23, 4]  # the spine and the lone 1, both ways round


@pytest.mark.parametrize(
    ("upright", "up", "down", "turn"),
    [
        (Said("1", 0.5), Said("-", 0.8), Said("-", 0.8), 0),  # no letters
        (Said("1", 0.5), Said("H", 0.8), Said("H", 0.8), 0),  # a letter alone
        (Said("Il", 0.5), Said("ITEM", 0.4), Said("ITEM", 0.3), 0),  # less sure
        (Said("!", 0.95), Said("ITEM", 0.99), Said("ITEM", 0.99), 0),  # was sure upright
        (Said("I", 0.5), Said("ITEM", 0.8), Said("NOTE", 0.6), 1),
        (Said("I", 0.5), Said("NOTE", 0.6), Said("ITEM", 0.8), 3),
        (Said("", 0.95), Said("ITEM", 0.8), Said("", 0.9), 1),  # surely nothing is not sure
    ],
)
def test_the_surest_of_three_ways_is_taken(upright, up, down, turn):
    quads, readings = face_text(PAGE[-2:-1], [upright], lambda quads: [up, down])
    np.testing.assert_array_equal(quads, np.roll(PAGE[-2:-1], -turn, axis=1))
    assert readings == [{0: upright, 1: up, 3: down}[turn]]


def test_text_that_nobody_can_read_stays_as_it_is():
    def hopeless(quads):
        return [0.1] * len(quads)

    nothing = np.empty((0, 4, 2), np.float32)
    assert page_turn(PAGE, hopeless) == page_turn(nothing, hopeless) == 0
    quads, readings = face_text(nothing, [], lambda quads: [])
    assert quads.shape == (0, 4, 2)
    assert readings == []
