import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recognition.batching import collate, group_by_width, padded_width
from recognition.crops import HEIGHT

widths = st.lists(st.integers(8, 900), max_size=80)


@given(widths, st.integers(1, 64))
def test_groups_hold_each_crop_once_within_the_pixel_cap(widths, columns):
    cap = HEIGHT * columns * 16
    groups = group_by_width(widths, max_pixels=cap)
    assert sorted(index for group in groups for index in group) == list(range(len(widths)))
    for group in groups:
        padded = padded_width(max(widths[index] for index in group)) * HEIGHT * len(group)
        assert padded <= cap or len(group) == 1


@given(st.integers(8, 8000))
def test_padding_is_small_and_shapes_are_few(width):
    padded = padded_width(width)
    assert padded % 16 == 0
    assert width <= padded <= max(width + 15, width * 1.25)
    assert len({padded_width(w) for w in range(8, 1025)}) <= 21


def test_collate_pads_to_the_ladder_and_keeps_true_widths():
    crops = [np.random.default_rng(w).integers(0, 255, (HEIGHT, w), np.uint8) for w in (9, 21)]
    images, true_widths = collate(crops, rows=4)
    assert images.shape == (4, 1, HEIGHT, 32)
    assert true_widths.tolist() == [9, 21, 21, 21]
    assert not images[0, :, :, 9:].any()
    assert not images[2:].any()
    assert abs(images[1, 0, :, :21].mean()) < 1e-5


def test_brightness_and_contrast_do_not_matter_but_blank_noise_stays_small():
    crop = np.random.default_rng(0).integers(0, 255, (HEIGHT, 40)).astype(np.uint8)
    faded = (crop * 0.4 + 120).astype(np.uint8)
    images, _ = collate([crop, faded])
    assert abs(images[0] - images[1]).max() < 0.05
    noise = np.random.default_rng(0).integers(250, 254, (HEIGHT, 40)).astype(np.uint8)
    assert abs(collate([noise])[0]).max() < 0.3
