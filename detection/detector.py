"""Images in, quads out: working resolution, batches, precision."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from detection.adapter import Detections, to_detections
from detection.geometry import resize, working_scale

__all__ = ["Detections", "Detector"]

_STRIDE = 32  # images are grouped by what they measure once padded to multiples of this


class Detector:
    """Finds the words of images with a Detectron2 model.

    `source` and `sha256` name the weights file, where the model came from one.

    Args:
        model: a meta-architecture (list of dicts in, list of {"instances"} out), on its device:
            `model.DBNet`, or any that `adapter.to_detections` understands.
        long_side: working resolution: an image's longer side is brought to this many pixels...
        max_upscale: ...but enlarged no more than this.
        batch_pixels: images of like size share a batch of at most this many pixels (always at
            least one image). Beside its weights, DBNet takes about 150 bytes a pixel in half
            precision.
        dtype: of autocast; float32 switches it off.
    """

    source: str = ""
    sha256: str = ""

    def __init__(
        self,
        *,
        model: nn.Module,
        long_side: int = 1536,
        max_upscale: float = 2.0,
        batch_pixels: int = 4_000_000,
        dtype: torch.dtype = torch.float32,
    ):
        self.model = model.eval()
        self.long_side = long_side
        self.max_upscale = max_upscale
        self.batch_pixels = batch_pixels
        self.dtype = dtype

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Words of each image, in the order of the images.

        Args:
            images: RGB uint8 (H, W, 3), of any sizes.

        Raises ValueError for anything else.
        """
        for i, image in enumerate(images):
            _check(i, image)
        working = [
            resize(
                image,
                working_scale(
                    *image.shape[:2], long_side=self.long_side, max_upscale=self.max_upscale
                ),
            )
            for image in images
        ]
        found: dict[int, Detections] = {}
        for batch in self._batches(working):
            for i, detections in zip(batch, self._run([working[i] for i in batch]), strict=True):
                ratio = np.array(images[i].shape[1::-1]) / working[i].shape[1::-1]
                quads = (detections.quads * ratio).astype(np.float32)
                found[i] = Detections(quads, detections.scores)
        return [found[i] for i in range(len(images))]

    def _batches(self, images: Sequence[np.ndarray]) -> Iterator[list[int]]:
        """Indices of images that have one size once padded, within the budget of pixels."""
        groups = defaultdict(list)
        for i, image in enumerate(images):
            groups[tuple(-(-side // _STRIDE) * _STRIDE for side in image.shape[:2])].append(i)
        for (height, width), members in groups.items():
            count = max(1, self.batch_pixels // (height * width))
            for start in range(0, len(members), count):
                yield members[start : start + count]

    @torch.inference_mode()
    def _run(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """One pass of the model; quads in pixels of the images as given."""
        if getattr(self.model, "input_format", "RGB") == "BGR":  # Detectron2's own models
            images = [image[..., ::-1] for image in images]
        inputs = [
            {"image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))}
            for image in images
        ]
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
            outputs = self.model(inputs)
        return [to_detections(output["instances"]) for output in outputs]


def _check(index: int, image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image {index} is a {type(image).__name__}: give a numpy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"image {index} is {image.dtype} {image.shape}: give RGB uint8 (H, W, 3); "
            "cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) makes it of a grey one"
        )
