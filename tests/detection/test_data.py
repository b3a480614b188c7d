import itertools

import numpy as np
import pytest
import torch

from detection.d2 import build_detection_train_loader
from detection.data import MixedPages, TrainMapper, vary_light
from detection.targets import TextMaps


def mapper(**arguments):
    arguments = {"crop_size": (160, 192), "long_side": 320, "max_upscale": 1.0} | arguments
    return TrainMapper(targets=TextMaps(), **arguments)


def test_a_crop(page):
    crop = mapper()(page)
    assert crop["image"].shape == (3, 160, 192)
    assert crop["image"].dtype == torch.uint8
    assert crop["targets"].shape == (4, 80, 96)
    assert len(crop["quads"]) == len(crop["ignore"]) > 0


@pytest.mark.parametrize("turned", [0.0, 1.0], ids=["tilted", "turned"])
def test_quads_follow_the_ink(page, turned):
    cut = mapper(turned=turned)
    rng = np.random.default_rng(3)
    quads = np.array([word["quad"] for word in page["words"]], np.float32)
    ignore = np.zeros(len(quads), bool)
    masks = TextMaps(shrink_ratio=1.0)
    for _ in range(20):
        image, moved = cut._cut(page["image"], quads, ignore, rng)
        inside = masks(160, 192, moved, ignore)[0].repeat(2, 0).repeat(2, 1) > 0
        # Paper is white and ink black; what lies off the page is of one colour.
        ink = (image.max(2) < 100) & (image != image[0, 0]).any(2) & (image != image[-1, -1]).any(2)
        if ink.sum() > 200:
            assert (ink & inside).sum() / ink.sum() > 0.85


def test_words_that_the_crop_cuts_off_are_ignored():
    quads = [[[x, 100], [x + 100, 100], [x + 100, 130], [x, 130]] for x in range(0, 600, 120)]
    page = {
        "image": np.full((600, 600, 3), 255, np.uint8),
        "words": [{"quad": quad, "text": "x"} for quad in quads],
    }
    cut = mapper(long_side=600, scales=(0.999, 1.001), tilt=0.0, turned=0.0)
    for crop in itertools.islice(map(cut, itertools.repeat(page)), 20):
        widths = np.clip(crop["quads"][..., 0].numpy(), 0, 192)
        heights = np.clip(crop["quads"][..., 1].numpy(), 0, 160)
        kept = np.ptp(widths, 1) * np.ptp(heights, 1) / 3000
        sure = abs(kept - 0.6) > 0.05
        assert (crop["ignore"].numpy() == (kept < 0.6))[sure].all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (40, 40)])
def test_any_page_gives_a_crop(shape):
    crop = mapper()({"image": np.full((*shape, 3), 255, np.uint8), "words": []})
    assert crop["image"].shape == (3, 160, 192)
    assert crop["targets"][0].sum() == 0


def test_a_seed_gives_the_same_crops(page):
    torch.manual_seed(1)
    first, second = mapper(seed=5), mapper(seed=5)
    for _ in range(3):
        assert torch.equal(first(page)["image"], second(page)["image"])
    assert not torch.equal(mapper(seed=5)(page)["image"], mapper(seed=6)(page)["image"])


def test_light_keeps_shape_and_type():
    image = np.random.default_rng(0).integers(256, size=(40, 50, 3), dtype=np.uint8)
    before = image.copy()
    rng = np.random.default_rng(0)
    for _ in range(20):
        varied = vary_light(image, rng)
        assert varied.shape == image.shape
        assert varied.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


class Endless:
    def __iter__(self):
        return ({"name": "generated"} for _ in itertools.count())


def test_sources_are_mixed_by_weight():
    listed = [{"name": "a"}, {"name": "b"}]
    pages = MixedPages(sources=[(listed, 3.0), (Endless(), 1.0), (iter(()), 0.0)], seed=2)
    names = [page["name"] for page in itertools.islice(pages, 400)]
    assert 60 < names.count("generated") < 140
    assert names.count("a") > 100 < names.count("b")


def test_sources_that_end_start_again_and_empty_ones_are_named():
    assert len(list(itertools.islice(MixedPages(sources=[((1, 2), 1.0)]), 7))) == 7
    with pytest.raises(ValueError, match="empty"):
        next(iter(MixedPages(sources=[([], 1.0)])))
    with pytest.raises(ValueError, match="weights"):
        MixedPages(sources=[([{}], 0.0)])


def test_detectron2_loader_takes_it_and_workers_differ(page):
    loader = build_detection_train_loader(
        dataset=MixedPages(sources=[([page], 1.0)]),
        mapper=mapper(),
        total_batch_size=2,
        aspect_ratio_grouping=False,
        num_workers=2,
    )
    first, second = itertools.islice(loader, 2)  # one batch of each worker
    assert len(first) == len(second) == 2
    assert not torch.equal(first[0]["image"], second[0]["image"])
