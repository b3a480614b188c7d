"""Text too small or too large for the working resolution, read by a stand-in network."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detection import closer, farther
from detection.adapter import Detections
from detection.d2 import Boxes, Instances
from detection.detector import Detector
from detection.metrics import DetectionMetric

LONG_SIDE = 512


class Bars(torch.nn.Module):
    """Finds rows of dark bars as words; says nothing of those lower than it can see."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.passes = 0

    def forward(self, inputs):
        self.passes += len(inputs)
        return [{"instances": self.find(x["image"][0].numpy())} for x in inputs]

    @staticmethod
    def find(grey):
        joined = cv2.dilate((grey < 128).astype(np.uint8), np.ones((1, 11), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
        left, top, width, height = stats[1:, :4].astype(np.float32).T
        boxes = np.stack([left + 5, top, left + width - 5, top + height], 1)
        boxes = boxes[(height >= 7) & (width > 11)]
        instances = Instances(grey.shape)
        instances.pred_boxes = Boxes(torch.from_numpy(boxes))
        instances.scores = torch.ones(len(boxes))
        return instances


def draw_word(image, x, y, *, letters, height):
    """A row of bars, for which it returns the quad."""
    bar, gap = max(2, 3 * height // 8), max(2, height // 8)
    right = x + letters * (bar + gap) - gap
    for k in range(letters):
        left = x + k * (bar + gap)
        image[y : y + height, left : left + bar] = 0
        image[y + height // 3, left : min(right, left + bar + gap)] = 0
    return [[x, y], [right, y], [right, y + height], [x, y + height]]


def page_of_words(*, height, seed=0, size=(1100, 1500), below=0):
    """Words all over a page, or all over what is below a line of it."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), 255, np.uint8)
    quads = []
    for y in range(below + 5, size[0] - 2 * height, 2 * height):
        x = 5 + int(rng.integers(30))
        while x < size[1] - 8 * height:
            letters = int(rng.integers(2, 7))
            quads.append(draw_word(image, x, y, letters=letters, height=height))
            x = int(quads[-1][1][0]) + max(12, height) + int(rng.integers(2 * height))
    return image, quads


def detector():
    return Detector(model=Bars(), long_side=LONG_SIDE, max_upscale=2.0)


def figures(truth, found):
    metric = DetectionMetric(iou=0.6)
    metric.update(truth, found.quads)
    return metric.summary()


@pytest.mark.parametrize("height", [8, 14])
def test_every_small_word_is_found_once_and_whole(height):
    image, quads = page_of_words(height=height)
    (found,) = detector().detect([image])
    summary = figures(quads, found)
    assert summary["truth"] > 500
    assert summary["recall"] == summary["precision"] == 1


def test_large_words_stay_whole_and_blank_parts_are_skipped():
    image, quads = page_of_words(height=8, below=900)
    quads.append(draw_word(image, 100, 100, letters=10, height=80))
    reader = detector()
    (found,) = reader.detect([image])
    summary = figures(quads, found)
    assert summary["recall"] == summary["precision"] == 1
    assert reader.model.passes < 1 + closer.GLANCES + 70 / 2  # of 70 tiles


def test_a_page_of_readable_text_is_looked_at_once():
    image, quads = page_of_words(height=36)
    reader = detector()
    (found,) = reader.detect([image])
    assert reader.model.passes == 1
    assert figures(quads, found)["recall"] == 1


def test_large_words_whose_letters_are_found_one_by_one_are_seen_from_farther_away():
    image = np.full((512, 512, 3), 255, np.uint8)
    quads = [draw_word(image, 20, 320, letters=9, height=16)]
    for x in range(20, 452, 108):  # 12 pixels apart: more than the network joins, 6 are less
        image[100:220, x : x + 96] = 0
    quads.append([[20, 100], [440, 100], [440, 220], [20, 220]])
    reader = detector()
    (found,) = reader.detect([image])
    summary = figures(quads, found)
    assert summary["recall"] == summary["precision"] == 1
    assert reader.model.passes == 2


def test_pages_do_not_depend_on_their_batch_mates():
    pages = [page_of_words(height=height, seed=height)[0] for height in (8, 36, 9, 14)]
    for page, together in zip(pages, detector().detect(pages), strict=True):
        (alone,) = detector().detect([page])
        np.testing.assert_array_equal(alone.quads, together.quads)
        np.testing.assert_array_equal(alone.scores, together.scores)


def ruled():
    image = np.full((900, 900, 3), 255, np.uint8)
    image[::20] = image[:, ::50] = 0
    return image


def hazy():
    noise = np.random.default_rng(0).normal(0, 5, (900, 900, 1))
    shade = np.linspace(60, 240, 900)[:, None, None]
    return np.clip(shade + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)


@pytest.mark.parametrize(
    ("image", "seen"),
    [
        (page_of_words(height=8)[0], True),
        (page_of_words(height=8)[0].transpose(1, 0, 2), True),  # text that runs down
        (np.full((900, 900, 3), 255, np.uint8), False),
        (ruled(), False),
        (hazy(), False),
        (np.zeros((1, 900, 3), np.uint8), False),
        (np.zeros((900, 1, 3), np.uint8), False),
    ],
    ids=["text", "text down", "blank", "rules", "shade and noise", "row", "column"],
)
def test_only_text_has_detail_that_is_worth_a_closer_look(image, seen):
    unread, cell = closer.unread_cells(image, 0.3, np.empty((0, 4, 2), np.float32))
    assert cell == 13
    assert unread.shape == (-(-image.shape[0] // 13), -(-image.shape[1] // 13))
    assert unread.any() == seen


def test_detail_of_words_that_were_found_is_not_unread():
    image, quads = page_of_words(height=8)
    unread, _ = closer.unread_cells(image, 0.3, np.array(quads, np.float32))
    assert not unread.any()


@given(height=st.integers(1, 3000), width=st.integers(1, 3000), side=st.integers(64, 2048))
def test_tiles_cover_a_page_and_overlap(height, width, side):
    unread = np.ones((-(-height // 8), -(-width // 8)), bool)
    tiles = closer.tiles_of(unread, 8, height=height, width=width, side=side)
    share = min(side, width), min(side, height)
    assert {(r - x, b - y) for x, y, r, b in (tile.window for tile in tiles)} == {share}
    assert sum((r - x) * (b - y) for x, y, r, b in (tile.core for tile in tiles)) == height * width
    for tile in tiles:
        reach = np.abs(np.subtract(tile.window, tile.core))
        inner = np.array(tile.core) % [width, height, width, height] > 0
        assert (reach[inner] >= side // 6 // 2).all()


def test_of_words_that_two_looks_share_the_higher_rank_stays():
    def look(*boxes, rank):
        quads = [[[l, 0], [r, 0], [r, 10], [l, 10]] for l, r in boxes]  # noqa: E741
        count = len(boxes)
        words = Detections(
            np.array(quads, np.float32).reshape(-1, 4, 2), np.full(count, 0.5, np.float32)
        )
        return words, np.full(count, float(rank))

    merged = closer.merge(
        [look((0, 50), rank=2), look((0, 20), (30, 60), (52, 90), rank=1), look(rank=3)]
    )
    assert sorted(merged.quads[:, :2, 0].tolist()) == [[0, 50], [52, 90]]
    nothing = closer.merge([look(rank=1), look(rank=2)])
    assert nothing.quads.shape == (0, 4, 2)


def boxes(*corners):
    """Detections of upright boxes, each left, top, right, bottom."""
    quads = [[[l, t], [r, t], [r, b], [l, b]] for l, t, r, b in corners]  # noqa: E741
    quads = np.array(quads, np.float32).reshape(-1, 4, 2)
    return Detections(quads, np.full(len(quads), 0.5, np.float32))


@pytest.mark.parametrize(
    ("far", "kept"),
    [
        ([(0, 0, 400, 120)], 1),  # one word for three letters
        ([], 3),
        ([(0, 400, 90, 440)], 3),  # too low to be told from there
        ([(0, 190, 400, 320)], 3),  # it would hold the text below
    ],
)
def test_only_pieces_of_large_words_give_way_to_what_is_seen_from_afar(far, kept):
    letters = [(x, 0, x + 90, 120) for x in (0, 150, 300)]
    words = [(x, y, x + 60, y + 20) for x in (0, 100) for y in (200, 230, 260)]
    first = boxes(*letters, *words)
    assert farther.has_large(first, 1.0)
    assert not farther.has_large(first, 0.5)
    found = farther.with_large(first, boxes(*far), 1.0)
    assert (closer.heights(found.quads) >= farther.LARGE).sum() == kept
    assert len(found) == kept + len(words)
