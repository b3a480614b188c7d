import numpy as np
import pytest
import torch

from detection.detector import Detector
from detection.maps import KEPT, REJECTED, draw_maps
from detection.postprocess import Regions
from tests.detection.test_model import BrightBox


def probability_map():
    """A word, a faint one, and a speck."""
    probability = np.zeros((60, 100), np.float32)
    probability[10:20, 10:40] = 0.9
    probability[30:40, 10:40] = 0.55
    probability[50:52, 80:82] = 1.0
    return probability


def test_each_region_has_a_score_and_the_reason_for_which_it_is_no_word():
    regions = Regions(min_size=9.0)
    quads, scores, reasons = regions.explain(probability_map())
    assert sorted(reason.partition(" ")[0] for reason in reasons) == ["", "score", "side"]
    assert "score 0.55 < 0.7" in reasons
    kept = np.array([not reason for reason in reasons])
    np.testing.assert_array_equal(quads[kept], regions(probability_map())[0])
    np.testing.assert_array_equal(scores[kept], regions(probability_map())[1])


def test_the_picture_shows_words_rejects_and_the_map(dbnet):
    dbnet.postprocess = Regions(min_size=9.0)
    dbnet.probability_maps = lambda _: [torch.from_numpy(probability_map())]
    detector = Detector(model=dbnet, max_upscale=1.0)
    page = np.full((119, 200, 3), 255, np.uint8)
    seen = detector.explain(page)
    assert seen.image.shape == page.shape
    picture = draw_maps(seen)
    assert picture.shape == (119, 400, 3)
    (frame,) = (quad for quad, reason in zip(seen.quads, seen.reasons, strict=True) if not reason)
    x, y = np.round(frame.mean(0)).astype(int)
    assert picture[y, 200 + x].min() > 100  # likely: nearly white
    assert picture[5, 395].max() == 0  # unlikely: black
    for colour in (KEPT, REJECTED):
        assert (picture[:, :200] == colour).all(axis=2).any()


def test_a_model_without_a_map_is_named():
    with pytest.raises(ValueError, match="BrightBox draws no probability map"):
        Detector(model=BrightBox()).explain(np.zeros((9, 9, 3), np.uint8))
