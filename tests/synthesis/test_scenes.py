import logging
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from detection.geometry import areas
from synthesis.scenes import (
    LEAST_SEEN,
    VISIBLE,
    ScenePages,
    _foreshortened,
    _lit,
    _raised,
    _shares,
    find_photos,
)


@pytest.fixture
def scenes(make_pdf, tmp_path):
    torch.manual_seed(0)  # the streams take part of their seed from torch
    make_pdf("#set text(size: 14pt)\nOpen daily\n\nTel. 555-0123", name="sign")
    photo = np.full((300, 420, 3), 128, np.uint8)
    assert cv2.imwrite(str(tmp_path / "wall.png"), photo)

    def make(**settings):
        return ScenePages(photos=[tmp_path], lettering=[tmp_path], size=(300, 400), **settings)

    return make


def test_quads_lie_on_the_lettering(scenes):
    words = 0
    for page in islice(scenes(strength=0, ornamented=0.0, bare=0.0, seed=3), 12):
        image = page["image"]
        assert image.dtype == np.uint8
        assert min(image.shape[:2]) >= 300
        changed = (np.abs(image.astype(int) - np.median(image, (0, 1))).sum(2) > 60).astype(float)
        for word in page["words"]:
            if word["ignore"]:
                continue
            words += 1
            inside = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(inside, [np.round(word["quad"]).astype(np.int32)], 1)
            assert changed[inside > 0].mean() > 0.1, word["text"]
    assert words > 10
    assert {"Open", "daily", "Tel.", "555-0123"} >= {word["text"] for word in page["words"]}


def test_signs_are_seen_from_aside_and_never_from_behind():
    rng = np.random.default_rng(0)
    seen = np.array([_foreshortened((300, 60), rng) for _ in range(2000)])
    assert areas(seen.astype(np.float32)).min() > 0.999 * LEAST_SEEN * 300 * 60
    along = (seen[:, [1, 2]] - seen[:, [0, 3]]).mean(1)
    down = (seen[:, 2:] - seen[:, [1, 0]]).mean(1)
    slants = np.rad2deg(np.arctan2(along[:, 1], along[:, 0]) + np.arctan2(down[:, 0], down[:, 1]))
    # Of the words of ICDAR 2015's photographs a half slants by 4.6 degrees, a tenth by 15.
    middle, most = np.percentile(np.abs(slants), (50, 90))
    assert 3 < middle < 6
    assert 10 < most < 20


def test_bare_and_ornamented_pictures_have_no_words(scenes):
    bare = list(islice(scenes(bare=1.0, ornamented=1.0, strength=0), 4))
    assert not any(page["words"] for page in bare)
    assert all(page["image"].std() > 0 for page in bare)  # ornaments, on a plain picture


def test_cutouts_are_set_in_with_their_words(scenes):
    red = np.full((20, 60, 3), (220, 20, 20), np.uint8)
    quad = np.array([[0, 0], [60, 0], [60, 20], [0, 20]], np.float32)
    word = {"quad": quad, "text": "EXIT", "ignore": False}
    slanted = {"image": red, "words": [{**word, "text": "STANDSATANANGLE"}]}
    cutouts = [{"image": red, "words": [word]}, slanted, {"image": red, "words": []}]
    pages = islice(scenes(cutouts=cutouts, strength=0, ornamented=0.0, bare=0.0, seed=3), 12)
    found = [(page, word) for page in pages for word in page["words"]]
    assert "STANDSATANANGLE" not in {word["text"] for _, word in found}
    found = [(page, word) for page, word in found if word["text"] == "EXIT"]
    assert len(found) > 3
    for page, word in found:
        middle = np.zeros(page["image"].shape[:2], np.uint8)
        centre = word["quad"].mean(0)
        cv2.fillPoly(middle, [np.int32(centre + 0.7 * (word["quad"] - centre))], 1)
        assert np.abs(page["image"][middle > 0].mean(0) - red[0, 0]).max() < 30


def test_a_seed_fixes_the_stream(scenes):
    first, again, other = (list(islice(scenes(seed=seed), 3)) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])
        assert [word["text"] for word in a["words"]] == [word["text"] for word in b["words"]]
    assert any(a["image"].shape != c["image"].shape for a, c in zip(first, other, strict=True))


def test_broken_pictures_are_named_and_left_out(scenes, tmp_path, caplog):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, logger="synthesis.scenes"):
        pages = list(islice(scenes(seed=5), 30))
    assert {page["name"] for page in pages} == {"wall"}
    assert [record.getMessage().count("broken.jpg") for record in caplog.records] == [1]
    (tmp_path / "wall.png").unlink()
    with pytest.raises(RuntimeError, match="none of 1 pictures"):
        next(iter(scenes()))


def test_large_folders_are_drawn_from_by_the_square_root(tmp_path):
    few = [tmp_path / "few" / f"{k}.png" for k in range(4)]
    many = [tmp_path / "many" / f"{k}.png" for k in range(100)]
    shares = _shares(few + many)
    assert shares.sum() == pytest.approx(1)
    assert shares[:4].sum() == pytest.approx(2 / 12)
    assert np.ptp(shares[4:]) == 0


@pytest.mark.parametrize("painted", [_raised, _lit])
def test_letters_that_are_no_paint_stand_out(painted):
    letters = np.zeros((60, 120), np.float32)
    letters[15:45, np.arange(120) % 20 < 5] = 1
    ground = np.full((60, 120, 3), 120, np.float32)
    for seed in range(20):
        image = painted(ground, letters, 30.0, np.random.default_rng(seed)).astype(float)
        assert np.ptp(image.mean(2)) > VISIBLE, seed
        assert image.shape == ground.shape


def test_no_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture"):
        find_photos([tmp_path])
