"""What any Detectron2 model finds, as quads; and words as what it learns from."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from detection.d2 import Boxes, Instances, PolygonMasks
from detection.geometry import box_quads, smallest_boxes

UPRIGHT_SLACK = 0.15  # see `geometry.smallest_boxes`


@dataclass(frozen=True)
class Detections:
    """Words found in one image.

    quads: float32 (N, 4, 2) in pixels of the image, clockwise from the top-left corner of the text.
    scores: float32 (N,), 0..1.
    """

    quads: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.quads)


def to_detections(instances: Instances) -> Detections:
    """Instances with `scores` and either `pred_quads`, `pred_masks` or `pred_boxes` as Detections.

    A mask (bool, of the whole image) becomes the smallest box around its largest part; an
    empty mask is dropped. A box (x0, y0, x1, y1) becomes an upright quad.

    Raises ValueError if the instances have none of these fields.
    """
    instances = instances.to("cpu")
    scores = instances.scores.float().numpy()
    if instances.has("pred_quads"):
        return Detections(instances.pred_quads.float().numpy(), scores)
    if instances.has("pred_masks"):
        masks = instances.pred_masks.numpy().view(np.uint8)
        contours = [
            cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0] for mask in masks
        ]
        found = np.array([len(parts) > 0 for parts in contours], bool)
        outlines = [max(parts, key=cv2.contourArea) for parts in contours if len(parts)]
        return Detections(box_quads(smallest_boxes(outlines, UPRIGHT_SLACK)), scores[found])
    if instances.has("pred_boxes"):
        boxes = instances.pred_boxes.tensor.float().numpy()
        return Detections(boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), scores)
    raise ValueError(
        f"instances have only {sorted(instances.get_fields())}: a text detector must give "
        "pred_quads, pred_masks or pred_boxes"
    )


class InstanceMapper:
    """Page -> one augmented crop with its words as instances, as Detectron2's R-CNNs train on.

    Their losses know no ignored regions: what is ignored is painted over.

    Args:
        mapper: cuts and augments; `data.TrainMapper`.
    """

    def __init__(self, *, mapper: Callable[[dict], dict]):
        self.mapper = mapper

    def __call__(self, page: dict) -> dict:
        """The crop of one page.

        Returns a dict: image uint8 (3, h, w), and instances with gt_boxes (upright boxes around the
        words, cut at the crop's border), gt_classes (all 0) and gt_masks (the quads).
        """
        crop = self.mapper(page)
        image, quads, ignore = crop["image"], crop["quads"].numpy(), crop["ignore"].numpy()
        canvas = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
        ground = np.median(canvas, axis=(0, 1)).tolist()
        for quad in quads[ignore]:
            cv2.fillConvexPoly(canvas, np.round(quad).astype(np.int32), ground)
        return {
            "image": torch.from_numpy(canvas.transpose(2, 0, 1).copy()),
            "instances": _instances(quads[~ignore], *canvas.shape[:2]),
        }


def _instances(quads: np.ndarray, height: int, width: int) -> Instances:
    boxes = Boxes(torch.from_numpy(np.concatenate([quads.min(1), quads.max(1)], 1)))
    boxes.clip((height, width))
    instances = Instances((height, width))
    instances.gt_boxes = boxes
    instances.gt_classes = torch.zeros(len(quads), dtype=torch.int64)
    instances.gt_masks = PolygonMasks([[quad.reshape(8)] for quad in quads])
    return instances[boxes.nonempty()]
