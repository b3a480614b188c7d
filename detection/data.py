"""Pages -> training crops of the detector.

A page is a dict {"image": uint8 (H, W, 3) RGB, "words": [{"quad", "text", "ignore"}, ...], ...}.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from detection.geometry import areas, as_quads, resize, working_scale
from detection.targets import TextMaps


def worker_rng(*seeds: int) -> np.random.Generator:
    """A generator of its own for each worker of a loader and each process of a training run."""
    return np.random.default_rng([*seeds, torch.initial_seed() % 2**63])


#: Pages in memory of which windows are drawn; see `MixedPages`.
KEPT = 16


class MixedPages(IterableDataset):
    """Endless pages drawn from several sources.

    Args:
        sources: (pages, weight) pairs. Pages are map-style (`len` and `[i]`, drawn at random with
            replacement) or iterable (started again at its end, in every worker: an endless
            generator of pages must seed itself by its worker). Weights need not sum to 1.
        uses: how often a page is given out on average, others in between: to make one takes
            longer than to cut a window of it, and windows of one page differ.
        seed: of the draws.
    """

    def __init__(self, *, sources: Sequence[tuple[Any, float]], uses: int = 3, seed: int = 0):
        self.sources = [pages for pages, _ in sources]
        self.weights = np.array([weight for _, weight in sources], np.float64)
        if not (len(self.sources) and (self.weights >= 0).all() and self.weights.sum() > 0):
            raise ValueError(
                f"weights of the page sources are {self.weights.tolist()}: give at least one "
                "source, weights of 0 or more and one above 0"
            )
        self.uses = uses
        self.seed = seed

    def __iter__(self) -> Iterator[dict]:
        rng = worker_rng(self.seed)
        streams = [_endless(pages, rng) for pages in self.sources]
        weights = self.weights / self.weights.sum()
        kept: list[dict] = []
        while True:
            if len(kept) < KEPT or rng.random() < 1 / self.uses:
                kept = [*kept[1 - KEPT :], next(streams[rng.choice(len(streams), p=weights)])]
            yield kept[int(rng.integers(len(kept)))]


def _endless(pages: Any, rng: np.random.Generator) -> Iterator[dict]:
    empty = ValueError(f"page source {pages!r} is empty: check its folder or its filter")
    if hasattr(pages, "__len__"):  # torch's iterable datasets have `__getitem__`, but no length
        if len(pages) == 0:
            raise empty
        while True:
            yield pages[int(rng.integers(len(pages)))]
    while True:
        page = None
        for page in pages:
            yield page
        if page is None:
            raise empty


class TrainMapper:
    """Page -> one augmented crop with its target maps, as `model.DBNet` trains on.

    The page is scaled as inference would scale it if it had no blank margins, times a random
    factor; turned a little (often) or by anything (rarely); cut to `crop_size`, preferably where
    words are; and its light, colour, sharpness and noise are varied. Never mirrored: mirrored text
    is no text.

    Args:
        targets: draws the maps; None leaves them out.
        crop_size: (height, width) of the crop, multiples of 32.
        long_side, max_upscale: the working resolution of inference, see `Detector`.
        scales: range of the random factor, drawn log-uniformly.
        tilt: degrees up to which half of the crops are turned.
        turned: share of the crops turned by 90, 180, 270 or (as often as all of those) any angle.
        min_kept: words of which the crop keeps less than this share of their area are ignored.
        seed: of the augmentation; workers draw differently.
    """

    def __init__(
        self,
        *,
        targets: TextMaps | None,
        crop_size: tuple[int, int] = (640, 640),
        long_side: int = 1536,
        max_upscale: float = 2.0,
        scales: tuple[float, float] = (0.6, 1.6),
        tilt: float = 5.0,
        turned: float = 0.1,
        min_kept: float = 0.6,
        seed: int = 0,
    ):
        self.targets = targets
        self.crop_size = crop_size
        self.long_side = long_side
        self.max_upscale = max_upscale
        self.scales = scales
        self.tilt = tilt
        self.turned = turned
        self.min_kept = min_kept
        self.seed = seed
        self._rngs: dict[int, np.random.Generator] = {}

    def __call__(self, page: dict) -> dict:
        """The crop of one page.

        Returns a dict: image uint8 (3, h, w), targets float32 (4, h / 2, w / 2) as in
        `targets.TextMaps`, quads float32 (N, 4, 2) and ignore bool (N,) in pixels of the crop.
        """
        rng = self._rng()
        quads = as_quads([word["quad"] for word in page["words"]])
        ignore = np.array([bool(word.get("ignore")) for word in page["words"]], bool)
        image, quads = self._cut(page["image"], quads, ignore, rng)
        image = vary_light(image, rng)
        height, width = self.crop_size
        kept = _kept_shares(quads, height, width)
        quads, ignore, kept = quads[kept > 0], ignore[kept > 0], kept[kept > 0]
        ignore |= kept < self.min_kept
        crop = {
            "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            "quads": torch.from_numpy(quads),
            "ignore": torch.from_numpy(ignore),
        }
        if self.targets is not None:
            crop["targets"] = torch.from_numpy(self.targets(height, width, quads, ignore))
        return crop

    def _rng(self) -> np.random.Generator:
        worker = get_worker_info()
        key = worker.id if worker else -1
        if key not in self._rngs:
            self._rngs[key] = worker_rng(self.seed, 1)  # other numbers than the choice of pages
        return self._rngs[key]

    def _cut(
        self, image: np.ndarray, quads: np.ndarray, ignore: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scales, turns and cuts; the words' quads follow."""
        page_height, page_width = image.shape[:2]
        height, width = self.crop_size
        scale = working_scale(
            page_height, page_width, long_side=self.long_side, max_upscale=self.max_upscale
        ) * np.exp(rng.uniform(*np.log(self.scales)))
        angle = self._angle(rng)
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))

        # The window of the page that the turned crop can see, and only it, is scaled.
        reach_x = (abs(cos) * width + abs(sin) * height) / 2 / scale
        reach_y = (abs(sin) * width + abs(cos) * height) / 2 / scale
        x, y = self._center(page_height, page_width, reach_y, reach_x, quads[~ignore], rng)
        left, top = max(0, int(x - reach_x) - 2), max(0, int(y - reach_y) - 2)
        window = image[top : int(y + reach_y) + 3, left : int(x + reach_x) + 3]
        scaled = resize(window, scale)
        ratio = np.array(scaled.shape[1::-1]) / window.shape[1::-1]

        # Scaled window -> crop: turn about the crop's centre.
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.array([width, height]) / 2 - turn @ ((np.array([x, y]) - [left, top]) * ratio)
        if angle == 0:
            shift = np.round(shift)  # whole pixels: nothing is blurred
        fill = rng.integers(256, size=3) if rng.random() < 0.3 else np.full(3, rng.choice([0, 255]))
        # OpenCV counts from the centre of a pixel, quads from its edge.
        matrix = np.column_stack([turn, shift + turn @ [0.5, 0.5] - 0.5])
        crop = cv2.warpAffine(
            scaled, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=fill.tolist()
        )
        quads = ((quads - [left, top]) * ratio) @ turn.T + shift
        return crop, quads.astype(np.float32)

    def _angle(self, rng: np.random.Generator) -> float:
        """Degrees, clockwise."""
        draw = rng.random()
        if draw < self.turned / 2:
            return float(rng.choice([90, 180, 270]))
        if draw < self.turned:
            return rng.uniform(-180, 180)
        return rng.uniform(-self.tilt, self.tilt) if rng.random() < 0.5 else 0.0

    @staticmethod
    def _center(
        height: int,
        width: int,
        reach_y: float,
        reach_x: float,
        words: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[float, float]:
        """Centre of the crop on the page: near a word nine times of ten, not far off the page."""
        if len(words) and rng.random() < 0.9:
            x, y = words[rng.integers(len(words))].mean(0)
            x, y = x + rng.uniform(-reach_x, reach_x), y + rng.uniform(-reach_y, reach_y)
        else:
            x, y = rng.uniform(0, width), rng.uniform(0, height)
        return _held(x, reach_x, width), _held(y, reach_y, height)


def _held(center: float, reach: float, size: float) -> float:
    """`center` moved so that at most a tenth of the crop hangs over a page that could fill it."""
    low, high = 0.8 * reach, size - 0.8 * reach
    return float(np.clip(center, min(low, high), max(low, high)))


def _kept_shares(quads: np.ndarray, height: int, width: int) -> np.ndarray:
    """Share (N,) of each quad's area that lies in the image."""
    low, high = quads.min(1), quads.max(1)
    inside = ((low >= 0) & (high <= [width, height])).all(1)
    outside = ((high <= 0) | (low >= [width, height])).any(1)
    shares = np.where(inside, 1.0, 0.0)
    image = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    whole = np.abs(areas(quads))
    for i in np.flatnonzero(~inside & ~outside & (whole > 0)):
        shares[i] = cv2.intersectConvexConvex(quads[i], image)[0] / whole[i]
    return shares


def vary_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of `image` uint8 (H, W, 3) in other light, through another lens.

    Contrast, brightness, gamma and tint nearly always; inversion, blur, noise and JPEG at times.
    """
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    if rng.random() < 0.1:
        levels = 1 - levels
    tint = rng.uniform(0.85, 1.15, 3) if rng.random() < 0.3 else np.ones(3)
    curve = levels ** np.exp(rng.normal(0, 0.25)) - 0.5
    curve = (curve * rng.uniform(0.5, 1.2) + 0.5 + rng.uniform(-0.15, 0.15)) * tint
    image = cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.25:
        noise = rng.standard_normal(image.shape, np.float32)
        image = cv2.add(image, noise * rng.uniform(2, 16), dtype=cv2.CV_8U)
    if rng.random() < 0.25:
        quality = int(rng.integers(25, 90))
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return image
