import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition.batching import collate
from recognition.codec import Codec
from recognition.crops import HEIGHT
from recognition.model import CRNN, time_steps
from recognition.recognizer import Recognizer


def random_crops(widths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 255, (HEIGHT, width), np.uint8) for width in widths]


@pytest.fixture(scope="module")
def small():
    """A small CRNN whose batch norms have seen something, so that padding could leak."""
    torch.manual_seed(0)
    model = CRNN(num_classes=20, channels=(4, 8, 8, 16), blocks=(1, 1, 1), squeezed=16, hidden=16)
    model.train()
    for _ in range(3):
        model(*collate(random_crops([40, 60, 24])))
    return model.eval()


def test_default_shape_is_the_reference_one():
    model = CRNN(num_classes=101)
    assert (model.lstm1.squeeze.in_features, model.lstm1.ahead.input_size) == (1024, 128)
    assert model.num_classes == 101
    with torch.inference_mode():
        logits = model.eval()(*collate(random_crops([96, 50])))
    assert logits.shape == (2, 24, 101)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(8, 120), min_size=1, max_size=5), st.integers(8, 200))
def test_scores_do_not_depend_on_batch_mates(small, widths, widest):
    crops = random_crops([*widths, widest])
    images, true_widths = collate(crops)
    with torch.inference_mode():
        together = small(images, true_widths)
        for index, crop in enumerate(crops):
            alone = small(*collate([crop]))
            steps = int(time_steps(true_widths[index]))
            torch.testing.assert_close(
                together[index, :steps], alone[0, :steps], rtol=1e-4, atol=1e-5
            )


def test_recognize_gives_each_crop_its_own_reading_in_order(small):
    recognizer = Recognizer(
        model=small, codec=Codec(charset="abcdefghijklmnopqrs"), dtype=torch.float32
    )
    crops = random_crops([90, 8, 300, 33, 33, 64])
    together = recognizer.recognize(crops)
    for crop, reading in zip(crops, together, strict=True):
        (alone,) = recognizer.recognize([crop])
        assert alone.text == reading.text
        assert alone.confidence == pytest.approx(reading.confidence, rel=1e-3)
        assert len(reading.spans) == len(reading.text)
    assert recognizer.recognize([]) == []


def test_a_crop_of_another_height_is_refused(small):
    recognizer = Recognizer(model=small, codec=Codec(charset="abcdefghijklmnopqrs"))
    with pytest.raises(ValueError, match=r"uint8 \(48, 20\), expected uint8 \(32, width\)"):
        recognizer.recognize([np.zeros((48, 20), np.uint8)])


def test_a_charset_that_does_not_fit_the_head_is_refused(small):
    with pytest.raises(ValueError, match="20 outputs"):
        Recognizer(model=small, codec=Codec(charset="abc"))
