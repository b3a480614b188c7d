import pytest
import torch

from ocr_pipeline.device import multiplies_bytes
from ocr_pipeline.folding import fold_batch_norms
from recognition.batching import collate
from recognition.model import CRNN, time_steps
from recognition.quantized import quantize, ranges_of
from tests.recognition.test_model import random_crops

pytestmark = pytest.mark.skipif(
    not multiplies_bytes(torch.device("cpu")), reason="this processor does not multiply bytes"
)

CROPS = random_crops([96, 50, 13], seed=1)


@pytest.fixture
def model():
    """A small CRNN with statistics in its batch norms."""
    torch.manual_seed(0)
    sizes = dict(channels=(8, 16, 16, 16), ranks=(8, 8, 16), blocks=(1, 0, 2), squeezed=16)
    model = CRNN(num_classes=20, **sizes, hidden=16)
    for _ in range(20):
        model(*collate(random_crops([40, 60, 24])))
    return model.eval()


def in_bytes(model):
    """The model quantized by what it makes of some crops."""
    with torch.inference_mode(), ranges_of(model) as ranges:
        model(*collate(CROPS))
    assert not model.stem.conv._forward_pre_hooks
    return quantize(fold_batch_norms(model), ranges)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_bytes_say_nearly_what_numbers_say(model, dtype):
    images, widths = collate(CROPS)
    steps = torch.arange(images.shape[3] // 4) < time_steps(widths)[:, None]
    meant = model(images, widths)[steps]
    model = in_bytes(model)
    for _ in range(2):  # nothing is kept from one pass to the next
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            said = model(images, widths)[steps]
    telling = meant - meant.mean(0)  # what differs from step to step
    assert (said - meant).std() < 0.15 * telling.std()


@torch.inference_mode()
def test_neither_batch_mates_nor_padding_matter(model):
    model = in_bytes(model)
    images, widths = collate(CROPS)
    together = model(images, widths)
    for crop, steps, scores in zip(CROPS, time_steps(widths), together, strict=True):
        alone = model(*collate([crop]))[0]
        torch.testing.assert_close(alone[:steps], scores[:steps], rtol=0, atol=1e-4)


def test_a_range_that_is_not_there_is_named(model):
    with torch.inference_mode(), ranges_of(model) as ranges:
        model(*collate(random_crops([64])))
    del ranges["stages.2.1.first.pointwise"]
    with pytest.raises(ValueError, match=r"no range of stages\.2\.1\.first\.pointwise"):
        quantize(fold_batch_norms(model), ranges)
