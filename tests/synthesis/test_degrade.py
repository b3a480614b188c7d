import copy

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthesis import degrade as d


def blocks(height=420, width=360):
    """A page whose words are black blocks, so that a quad can be compared with its ink."""
    image = np.full((height, width, 3), 255, np.uint8)
    words = []
    for y in range(60, height - 80, 60):
        for x in range(50, width - 100, 90):
            image[y : y + 30, x : x + 70] = 0
            quad = np.float32([[x, y], [x + 70, y], [x + 70, y + 30], [x, y + 30]])
            text = "." * (1 + len(words))  # the blocks are no letters
            words.append({"quad": quad, "text": text, "ignore": False})
    return {"image": image, "words": words, "name": "blocks"}


@given(seed=st.integers(0, 2**32), strength=st.floats(0.1, 1.5))
@settings(max_examples=40, deadline=None)
def test_any_page_stays_a_page(seed, strength):
    page = blocks()
    before = copy.deepcopy(page)
    out = d.degrade(page, np.random.default_rng(seed), strength=strength)
    again = d.degrade(page, np.random.default_rng(seed), strength=strength)
    np.testing.assert_array_equal(page["image"], before["image"])
    np.testing.assert_array_equal(out["image"], again["image"])
    assert out["image"].dtype == np.uint8
    assert out["image"].ndim == 3
    assert {word["text"] for word in out["words"]} <= {word["text"] for word in page["words"]}
    for word in out["words"]:
        assert word["quad"].shape == (4, 2)
        assert np.isfinite(word["quad"]).all()
        right, down = word["quad"][1] - word["quad"][0], word["quad"][3] - word["quad"][0]
        assert right[0] * down[1] - right[1] * down[0] > 0


@pytest.mark.parametrize(
    "effect",
    [
        lambda sheet, rng: d._turn(sheet, rng, 1.0),
        lambda sheet, rng: d._bend(sheet, rng, 1.0),
        lambda sheet, rng: d._perspective(sheet, rng, 0.05),
        lambda sheet, rng: d._low_resolution(sheet, rng, 1.0),
    ],
    ids=["turn", "bend", "perspective", "low resolution"],
)
def test_quads_follow_the_picture(effect):
    for seed in range(25):
        page = blocks()
        quads = np.stack([word["quad"] for word in page["words"]])
        sheet = d._Sheet(page["image"][..., 0].copy(), quads, 30.0)
        # A white edge keeps the canvas white, so that all that is dark is a word.
        effect(sheet, np.random.default_rng(seed))
        drawn = np.zeros(sheet.size, np.uint8)
        for quad in sheet.quads:
            cv2.fillPoly(drawn, [np.round(quad * 16 - 8).astype(np.int32)], 1, shift=4)
        inside = sheet.image[cv2.erode(drawn, np.ones((5, 5))) > 0]
        assert (inside < 128).mean() > 0.97
        near = cv2.dilate(drawn, np.ones((9, 9))) - cv2.dilate(drawn, np.ones((5, 5)))
        assert (sheet.image[near > 0] > 128).mean() > 0.95


def test_strength():
    page = blocks()
    assert d.degrade(page, np.random.default_rng(0), strength=0) is page
    with pytest.raises(ValueError, match="strength is -1"):
        d.degrade(page, np.random.default_rng(0), strength=-1)


def test_a_page_without_words_or_of_one_pixel():
    for size in ((1, 1), (40, 3)):
        page = {"image": np.full((*size, 3), 200, np.uint8), "words": [], "name": "bare"}
        for seed in range(30):
            assert d.degrade(page, np.random.default_rng(seed))["words"] == []


def test_smeared_words_are_ignored():
    sheet = d._Sheet(blocks()["image"], np.stack([w["quad"] for w in blocks()["words"]]), 30.0)
    d._smear(sheet, 30.0)
    assert all(word["ignore"] for word in d._surviving(sheet, blocks()["words"]))


def test_letters_that_have_vanished_are_ignored():
    image = np.full((200, 300, 3), 230, np.uint8)
    image[np.random.default_rng(0).random((200, 300)) < 0.01] = 0  # specks
    words = []
    for k, shade in enumerate((60, 190, 230)):  # dark, faint, gone
        y = 60 * k + 45
        cv2.putText(image, "Word", (10, y), cv2.FONT_HERSHEY_SIMPLEX, 1, (shade,) * 3, 3)
        quad = np.array([[8, y - 26], [100, y - 26], [100, y + 6], [8, y + 6]], np.float32)
        words.append({"quad": quad, "text": "Word", "ignore": False})
    sheet = d._Sheet(image, np.stack([word["quad"] for word in words]), 32.0)
    assert [word["ignore"] for word in d._surviving(sheet, words)] == [False, False, True]
