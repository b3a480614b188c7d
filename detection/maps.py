"""What the detector sees on a page, as a picture: how people tune a detector."""

from dataclasses import dataclass

import cv2
import numpy as np

KEPT, REJECTED = (0, 130, 0), (220, 0, 0)


@dataclass(frozen=True)
class Explanation:
    """One look at one image, at the working resolution.

    image: RGB uint8 (H, W, 3), as the network was shown it.
    probability: float32 (H / 2, W / 2), rounded up, 0..1.
    quads: float32 (N, 4, 2) in pixels of `image`, one for each region of the map.
    scores: float32 (N,), 0..1.
    reasons: N times why a region is no word, "" if it is one.
    """

    image: np.ndarray
    probability: np.ndarray
    quads: np.ndarray
    scores: np.ndarray
    reasons: list[str]


def draw_maps(seen: Explanation) -> np.ndarray:
    """Draw an explanation.

    Returns:
        RGB uint8 (H, 2 W, 3): on the left the image, with words green and their scores in
        hundredths, and rejected regions red with the reason; on the right the probability map,
        from black for 0 through red to white for 1.
    """
    height, width = seen.image.shape[:2]
    framed = cv2.addWeighted(seen.image, 0.6, np.full_like(seen.image, 255), 0.4, 0)
    for quad, score, reason in zip(seen.quads, seen.scores, seen.reasons, strict=True):
        colour = REJECTED if reason else KEPT
        cv2.polylines(framed, [np.round(quad).astype(np.int32)], True, colour)
        text, origin = reason or f"{100 * score:.0f}", (round(quad[0, 0]), round(quad[0, 1]) - 2)
        cv2.putText(framed, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.3, colour, 1, cv2.LINE_AA)
    heat = cv2.applyColorMap(np.round(255 * seen.probability).astype(np.uint8), cv2.COLORMAP_HOT)
    heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.concatenate([framed, heat[..., ::-1]], axis=1)
