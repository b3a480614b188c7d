import itertools

import numpy as np
import pytest
import torch

from detection.adapter import to_detections
from detection.d2 import Boxes, Instances
from detection.data import TrainMapper
from detection.detector import Detector
from detection.metrics import DetectionMetric
from detection.targets import TextMaps


def train(model, crops, steps):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    history = []
    for batch in itertools.islice(crops, steps):
        losses = model(batch)
        loss = sum(losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history


def test_loss_falls_and_a_learnt_page_is_read_back(dbnet, page):
    mapper = TrainMapper(
        targets=TextMaps(),
        crop_size=(256, 256),
        long_side=320,
        scales=(0.9, 1.1),
        tilt=0.0,
        turned=0.0,
    )
    history = train(dbnet, ([mapper(page), mapper(page)] for _ in itertools.count()), 120)
    assert np.mean(history[-5:]) < 0.4 * np.mean(history[:5])

    metric = DetectionMetric()
    (detections,) = Detector(model=dbnet, long_side=320).detect([page["image"]])
    metric.update([word["quad"] for word in page["words"]], detections.quads)
    assert metric.summary()["hmean"] > 0.9


def test_training_takes_images_of_several_sizes(dbnet):
    batch = [
        {"image": torch.zeros(3, h, w, dtype=torch.uint8), "targets": torch.ones(4, h // 2, w // 2)}
        for h, w in [(64, 96), (128, 32)]
    ]
    losses = dbnet.train()(batch)
    assert set(losses) == {"loss_probability", "loss_binary", "loss_threshold"}
    assert all(loss.isfinite() for loss in losses.values())


def test_maps_are_of_half_resolution_and_batch_mates_matter_little(dbnet):
    dbnet.eval()
    small = torch.randint(256, (3, 95, 63), dtype=torch.uint8)
    large = torch.randint(256, (3, 224, 192), dtype=torch.uint8)
    with torch.inference_mode():
        (alone,) = dbnet.probability_maps([{"image": small}])
        together, _ = dbnet.probability_maps([{"image": small}, {"image": large}])
    assert alone.shape == (48, 32)
    assert (alone - together).abs().mean() < 0.01


def test_quads_come_in_the_size_that_is_asked_for(dbnet):
    dbnet.postprocess = lambda _: (np.full((1, 4, 2), 32, np.float32), np.ones(1, np.float32))
    image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    with torch.inference_mode():
        (output,) = dbnet.eval()([{"image": image, "height": 128, "width": 640}])
    assert output["instances"].image_size == (128, 640)
    assert output["instances"].pred_quads[0, 0].tolist() == [320, 64]


class BrightBox(torch.nn.Module):
    """A stand-in for Detectron2's box models: one box around what is bright and blue."""

    input_format = "BGR"

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.batches = []

    def forward(self, inputs):
        self.batches.append(len(inputs))
        return [{"instances": self.find(x["image"])} for x in inputs]

    def find(self, image):
        ys, xs = torch.nonzero(image[0] > 128, as_tuple=True)
        instances = Instances(tuple(image.shape[1:]))
        boxes = [[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]] if len(xs) else []
        instances.pred_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
        instances.scores = torch.ones(len(boxes))
        return instances


def blue_box(height, width, box):
    image = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right, 2] = 255
    return image


def test_detector_works_at_its_resolution_and_answers_in_page_pixels():
    boxes = {(400, 800): (100, 40, 300, 120), (50, 60): (10, 10, 40, 20), (900, 500): (0, 0, 9, 9)}
    images = [blue_box(*size, box) for size, box in boxes.items()]
    for image, detections in zip(
        images, Detector(model=BrightBox(), long_side=400).detect(images), strict=True
    ):
        box = boxes[image.shape[:2]]
        (quad,) = detections.quads
        assert quad.dtype == np.float32
        np.testing.assert_allclose([*quad[0], *quad[2]], box, atol=2)
        np.testing.assert_allclose(quad[1], [box[2], box[1]], atol=2)


def test_pages_of_one_size_share_a_batch_within_the_budget():
    model = BrightBox()
    images = [blue_box(64, 64, (0, 0, i, i)) for i in range(1, 6)] + [
        blue_box(64, 96, (1, 1, 4, 4))
    ]
    for image in images:
        image[-1, -1] = 100  # no blank margin
    detector = Detector(model=model, max_upscale=1.0, batch_pixels=2 * 64 * 64)
    widths = [detections.quads[0, 1, 0] for detections in detector.detect(images)]
    assert widths == [1, 2, 3, 4, 5, 4]
    assert model.batches == [2, 2, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (5000, 3), (3, 5000), (200, 300)])
def test_blank_images_of_any_shape_are_empty(dbnet, shape):
    torch.nn.init.zeros_(dbnet.head.probability.draw[-1].weight)
    torch.nn.init.constant_(dbnet.head.probability.draw[-1].bias, -5)
    (detections,) = Detector(model=dbnet).detect([np.full((*shape, 3), 255, np.uint8)])
    assert detections.quads.shape == (0, 4, 2)
    assert detections.scores.shape == (0,)


def test_no_images_no_results(dbnet):
    assert Detector(model=dbnet).detect([]) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
        "page.png",
    ],
    ids=["grey", "alpha", "float", "no rows", "path"],
)
def test_other_than_rgb_uint8_is_refused_with_the_remedy(dbnet, image):
    with pytest.raises(ValueError, match=r"image 1 is .*: give"):
        Detector(model=dbnet).detect([np.zeros((9, 9, 3), np.uint8), image])


def test_masks_become_quads():
    masks = torch.zeros(2, 60, 80, dtype=torch.bool)
    masks[0, 20:30, 10:50] = True
    masks[0, 55, 70] = True  # a speck beside the word
    instances = Instances((60, 80), pred_masks=masks, scores=torch.tensor([0.9, 0.8]))
    detections = to_detections(instances)
    assert detections.quads.tolist() == [[[10, 20], [50, 20], [50, 30], [10, 30]]]
    assert detections.scores == pytest.approx([0.9])


def test_instances_without_geometry_are_refused():
    with pytest.raises(ValueError, match="pred_quads"):
        to_detections(Instances((9, 9), scores=torch.ones(1)))
