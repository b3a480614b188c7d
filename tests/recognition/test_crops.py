import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition.crops import HEIGHT, MIN_WIDTH, crop_words, part_of_quad, quad_size


def rectangle(x, y, width, height):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def text_image(text="Tgf 27", scale=2.0):
    image = np.full((120, 420, 3), 255, np.uint8)
    cv2.putText(image, text, (30, 80), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 4)
    return image


def rotate_page(image, quads, angle):
    """Turn a page and its quads about the centre onto a canvas that holds all of it."""
    height, width = image.shape[:2]
    side = int(np.hypot(height, width)) + 2
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), angle, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    turned = cv2.warpAffine(image, matrix, (side, side), borderValue=(255, 255, 255))
    return turned, (quads - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5


def test_crop_of_an_upright_word_at_its_own_height_is_the_image_itself():
    image = np.random.default_rng(0).integers(0, 255, (64, 200), np.uint8)
    (crop,) = crop_words(image, rectangle(40, 16, 96, HEIGHT)[None], margin=0)
    np.testing.assert_array_equal(crop, image[16:48, 40:136])


@pytest.mark.parametrize("angle", [5, 45, 90, 137, 180, 270])
def test_a_turned_word_is_cut_upright(angle):
    image = text_image()
    quad = rectangle(20, 25, 380, 80)[None]
    (upright,) = crop_words(image, quad)
    (turned,) = crop_words(*rotate_page(image, quad, angle))
    assert turned.shape == upright.shape
    difference = np.abs(turned.astype(int) - upright)
    assert difference.mean() < 8  # interpolation only; a wrong corner or mirror gives about 50


@pytest.mark.parametrize(
    ("quad", "shape"),
    [
        (rectangle(10, 10, 0, 20), (HEIGHT, MIN_WIDTH)),
        (rectangle(10, 10, 20, 0), (HEIGHT, MIN_WIDTH)),
        (np.zeros((4, 2)), (HEIGHT, MIN_WIDTH)),
        (np.full((4, 2), np.nan), (HEIGHT, MIN_WIDTH)),
        (rectangle(10, 10, 2, 60), (HEIGHT, MIN_WIDTH)),
        (rectangle(-500, -500, 100, 20), None),  # outside the page
        (rectangle(-10, -10, 900, 300), None),  # larger than the page
        (rectangle(10, 10, 40, 20)[::-1], None),  # mirrored
    ],
)
def test_degenerate_quads_give_a_crop_and_no_error(quad, shape):
    (crop,) = crop_words(text_image(), quad[None])
    assert crop.dtype == np.uint8
    assert crop.shape[0] == HEIGHT
    assert crop.shape[1] >= MIN_WIDTH
    assert shape is None or crop.shape == shape


@settings(max_examples=50, deadline=None)
@given(st.floats(4, 300), st.floats(4, 100))
def test_width_is_in_proportion(width, height):
    quad = rectangle(3, 3, width, height)
    (crop,) = crop_words(text_image(), quad[None], margin=0)
    assert crop.shape[1] == max(MIN_WIDTH, round(HEIGHT * width / height))


def test_grey_and_colour_pages_give_the_same_crop():
    image = text_image()
    quads = rectangle(20, 25, 380, 80)[None]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(crop_words(image, quads)[0], crop_words(grey, quads)[0])


def test_strong_reduction_keeps_thin_strokes():
    image = np.full((640, 1600), 255, np.uint8)
    image[:, 100::40] = 0  # hairlines that plain bilinear sampling at 1/20 would mostly miss
    (crop,) = crop_words(image, rectangle(0, 0, 1600, 640)[None], margin=0)
    assert crop[:, 10:].std() < 12
    assert crop[:, 10:].mean() < 252


def test_quad_size_is_along_the_reading_direction():
    sideways = np.roll(rectangle(0, 0, 20, 100), -1, axis=0)
    assert quad_size(sideways) == (100, 20)


@pytest.mark.parametrize("angle", [0, 30, 180])
def test_part_of_a_quad_is_where_its_crop_shows_it(angle):
    image = np.full((120, 420, 3), 255, np.uint8)
    image[30:90, 200:260] = 0  # a block between x = 200 and 260 within the quad
    image, quads = rotate_page(image, rectangle(20, 25, 380, 70)[None], angle)
    (crop,) = crop_words(image, quads)
    dark = np.flatnonzero(crop[HEIGHT // 2] < 128)
    left, right = dark[0] / crop.shape[1], (dark[-1] + 1) / crop.shape[1]
    part = part_of_quad(quads[0], left, right)
    whole = quad_size(quads[0])[0]
    offset = np.hypot(*(part[0] - quads[0][0]))
    assert offset == pytest.approx(180, abs=3)
    assert quad_size(part)[0] == pytest.approx(60, abs=3)
    np.testing.assert_allclose(part_of_quad(quads[0], -1, 2), quads[0], atol=1e-3 * whole)
