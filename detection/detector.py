"""Images in, quads out: working resolution, farther and closer looks, batches, precision."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from detection import closer, farther
from detection.adapter import Detections, to_detections
from detection.geometry import Window, heights, printed_window, resize, working_scale
from detection.maps import Explanation
from detection.model import PADDING, DBNet

__all__ = ["Detections", "Detector"]


class Detector:
    """Finds the words of images with a Detectron2 model.

    An image is looked at as a whole, less its blank margins, at a working resolution. Where there
    is text too large for that, it is looked at from farther away too; see `farther`. Where a larger
    image has text that is too small, it is read in tiles, of a scale that suits that text; see
    `closer`. No pass of the model takes more pixels than `batch_pixels`, or else
    `long_side` squared: an image of any size needs the memory of a square one of the working
    resolution, and its own.

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
        calibration: (midpoint, slope) of the logistic curve that turns the model's score into the
            probability that its quad is a word's, see `metrics.fit_calibration`; None leaves it.
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
        calibration: tuple[float, float] | None = None,
    ):
        self.model = model.eval()
        self.long_side = long_side
        self.max_upscale = max_upscale
        self.batch_pixels = batch_pixels
        self.dtype = dtype
        self.calibration = calibration

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Words of each image, in the order of the images.

        Args:
            images: RGB uint8 (H, W, 3), of any sizes.

        Raises ValueError for anything else.
        """
        for i, image in enumerate(images):
            _check(i, image)
        windows = [printed_window(image) for image in images]
        parts = [_part(*each) for each in zip(images, windows, strict=True)]
        scales = [self._scale(part) for part in parts]
        looks = self._look_farther(parts, scales, self._look(parts, scales))
        return [
            self._calibrated(_shifted(self._look_closer(part, scale, look), window))
            for part, scale, look, window in zip(parts, scales, looks, windows, strict=True)
        ]

    @torch.inference_mode()
    def explain(self, image: np.ndarray) -> Explanation:
        """What the first look at an image sees, RGB uint8 (H, W, 3).

        Raises ValueError for anything else, and if the model is no `DBNet`: others have no map.
        """
        _check(0, image)
        if not isinstance(self.model, DBNet):
            raise ValueError(
                f"{type(self.model).__name__} draws no probability map; give weights of a DBNet"
            )
        image = _part(image, printed_window(image))
        image = resize(image, self._scale(image))
        with self._autocast():
            (probability,) = self.model.probability_maps(self._inputs([image]))
        values = probability.cpu().numpy()
        return Explanation(image, values, *self.model.postprocess.explain(values))

    def _calibrated(self, words: Detections) -> Detections:
        if self.calibration is None:
            return words
        midpoint, slope = self.calibration
        logits = slope * (words.scores.astype(np.float64) - midpoint)
        # The logistic function; scipy's own would take a third of a second of each start.
        scores = (1 + np.tanh(logits / 2)) / 2
        return Detections(words.quads, scores.astype(np.float32))

    def _scale(self, image: np.ndarray) -> float:
        height, width = image.shape[:2]
        return working_scale(height, width, long_side=self.long_side, max_upscale=self.max_upscale)

    def _look_farther(
        self, images: Sequence[np.ndarray], scales: Sequence[float], first: list[Detections]
    ) -> list[Detections]:
        """`first`, found at `scales`, and what was too large for that."""
        large = [
            i
            for i, (words, scale) in enumerate(zip(first, scales, strict=True))
            if farther.has_large(words, scale)
        ]
        far = self._look([images[i] for i in large], [scales[i] * farther.FAR for i in large])
        looks = list(first)
        for i, words in zip(large, far, strict=True):
            looks[i] = farther.with_large(first[i], words, scales[i])
        return looks

    def _look_closer(self, image: np.ndarray, scale: float, first: Detections) -> Detections:
        """`first`, found at `scale`, and what was too small for that; `first` itself if nothing."""
        if scale >= 1:  # the image shows no more than the model has seen
            return first
        readable = heights(first.quads) * scale >= closer.READABLE
        unread, cell = closer.unread_cells(image, scale, first.quads[readable])
        height = self._glance(image, scale, unread, cell)
        if height is None:
            return first
        suited = min(closer.COMFORTABLE / height, self.max_upscale)
        side = round(closer.TILE * self.long_side / suited)
        rows, columns = image.shape[:2]
        tiles = closer.tiles_of(unread, cell, height=rows, width=columns, side=side)
        # Where a tile was read, the words that the first look found too small are no use.
        seen = np.any([tile.owns(first.quads) for tile in tiles], axis=0)
        kept = readable | ~seen
        words = Detections(first.quads[kept], first.scores[kept])
        looks = [(words, np.where(readable[kept], np.inf, -1.0))]
        for tile in tiles:
            (found,) = self._windows(image, [tile.window], suited)
            looks.append(tile.own(found, suited))
        return closer.merge(looks)

    def _glance(
        self, image: np.ndarray, scale: float, unread: np.ndarray, cell: int
    ) -> float | None:
        """Height of the text that is too small for a look at `scale`; None if there is none.

        The finest text decides, so the largest scale comes first. At each, the model finds text of
        heights up to four times the lowest.
        """
        finer = self.max_upscale
        while unread.any() and finer > 1.25 * scale:
            side = round(closer.GLANCE / finer)
            corners = closer.densest(unread, cell, side)
            windows = [(x, y, x + side, y + side) for x, y in corners]
            height = closer.small_text(self._windows(image, windows, finer), scale)
            if height is not None:
                return height
            finer /= 4
        return None

    def _windows(
        self, image: np.ndarray, windows: Sequence[Window], scale: float
    ) -> list[Detections]:
        """Words in windows of an image, in pixels of the image."""
        found = self._look([_part(image, window) for window in windows], [scale] * len(windows))
        return [_shifted(*each) for each in zip(found, windows, strict=True)]

    def _look(self, images: Sequence[np.ndarray], scales: Sequence[float]) -> list[Detections]:
        """Words of images that are scaled for the model, in pixels of the images as given."""
        working = [resize(*each) for each in zip(images, scales, strict=True)]
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
            groups[tuple(-(-side // PADDING) * PADDING for side in image.shape[:2])].append(i)
        for (height, width), members in groups.items():
            count = max(1, self.batch_pixels // (height * width))
            for start in range(0, len(members), count):
                yield members[start : start + count]

    @torch.inference_mode()
    def _run(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """One pass of the model; quads in pixels of the images as given."""
        with self._autocast():
            outputs = self.model(self._inputs(images))
        return [to_detections(output["instances"]) for output in outputs]

    def _inputs(self, images: Sequence[np.ndarray]) -> list[dict]:
        if getattr(self.model, "input_format", "RGB") == "BGR":  # Detectron2's own models
            images = [image[..., ::-1] for image in images]
        return [
            {"image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))}
            for image in images
        ]

    def _autocast(self) -> torch.autocast:
        device = next(self.model.parameters()).device
        return torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32)


def _part(image: np.ndarray, window: Window) -> np.ndarray:
    left, top, right, bottom = window
    return image[top:bottom, left:right]


def _shifted(words: Detections, window: Window) -> Detections:
    """Words of a window of an image, in pixels of the image."""
    return Detections(words.quads + np.array(window[:2], np.float32), words.scores)


def _check(index: int, image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image {index} is a {type(image).__name__}: give a numpy array")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"image {index} is {image.dtype} {image.shape}: give RGB uint8 (H, W, 3); "
            "cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) makes it of a grey one"
        )
