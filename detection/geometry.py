"""Quads and scales, shared by training and inference.

A quad is four points (x, y), clockwise with y pointing down, first the top-left corner of the text
in its reading direction. Coordinates are pixel edges: an image of width W spans 0..W.
"""

import math

import cv2
import numpy as np

Window = tuple[int, int, int, int]  # left, top, right, bottom

_FAINT = 10  # levels of a channel that differ no more are one tone
_LEAST_PART = 0.7  # of a page's side that is looked at, however little is on it
_SAVED = 0.2  # squares of a rectangle's shorter side that a parallelogram is smaller at least
_LEAST_SINE = 0.6  # of the angle between edges of a box


def working_scale(height: int, width: int, *, long_side: int, max_upscale: float) -> float:
    """Factor that brings a page of `height` x `width` pixels to the detector's resolution.

    The longer side becomes `long_side`, but no page is enlarged more than `max_upscale` times.
    """
    return min(long_side / max(height, width), max_upscale)


def resize(image: np.ndarray, scale: float) -> np.ndarray:
    """`image` uint8 (H, W, 3) scaled by `scale`, each side at least one pixel."""
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return image
    # Averaging keeps thin strokes when reducing; it would leave blocks when enlarging.
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=interpolation)


def printed_window(image: np.ndarray) -> Window:
    """The part of a page uint8 (H, W, 3) without its blank margins.

    Blank are rows and columns of one tone; a speck is enough for one not to be. Some margin is
    left, and never less than `_LEAST_PART` of either side, so that a lone word stays a word on a
    page. Together with `working_scale` it lets print have the resolution that paper does not need.
    """
    height, width = image.shape[:2]
    rows, columns = np.zeros(height, bool), np.zeros(width, bool)
    for channel in range(3):  # red on green may be one grey; and a plane at a time saves memory
        plane = cv2.extractChannel(image, channel)
        rows |= plane.max(1) - plane.min(1) > _FAINT
        columns |= plane.max(0) - plane.min(0) > _FAINT
    (top, bottom), (left, right) = _inked_span(rows), _inked_span(columns)
    return left, top, right, bottom


def _inked_span(inked: np.ndarray) -> tuple[int, int]:
    """Where the inked rows, or columns, begin and end, with room."""
    length = len(inked)
    places = np.flatnonzero(inked)
    if not len(places):
        return 0, length
    low, high = int(places[0]), int(places[-1]) + 1
    size = min(length, math.ceil(max(high - low + 0.04 * length, _LEAST_PART * length)))
    start = min(max((low + high - size) // 2, 0), length - size)
    return start, start + size


def as_quads(quads) -> np.ndarray:
    """Any sequence of quads as float32 (N, 4, 2); an empty one gives (0, 4, 2)."""
    return np.asarray(quads, np.float32).reshape(-1, 4, 2)


def areas(quads: np.ndarray) -> np.ndarray:
    """Signed areas (N,) of quads (N, 4, 2), positive when clockwise (y down)."""
    x, y = quads[..., 0], quads[..., 1]
    return 0.5 * (x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)


def heights(quads: np.ndarray) -> np.ndarray:
    """Heights (N,) of words; the shorter side, whichever way they run."""
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)  # (N, 4)
    return ((sides + np.roll(sides, 2, axis=1)) / 2).min(axis=1)


def shrink_distances(quads: np.ndarray, ratio: float) -> np.ndarray:
    """How far (N,) each edge of a quad moves inwards: area * (1 - ratio^2) / perimeter.

    This is the offset of DB (Liao et al. 2020, arXiv 1911.08947, equation 10). A long word keeps
    ratio^2 of its height.
    """
    perimeters = np.linalg.norm(np.roll(quads, -1, 1) - quads, axis=2).sum(1)
    return np.abs(areas(quads)) * (1 - ratio**2) / np.maximum(perimeters, 1e-6)


def offset_quads(quads: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Quads (N, 4, 2) with every edge moved inwards by `distances` (N,), outwards if negative.

    Edges stay parallel to where they were. Exact for convex quads; corners of degenerate ones
    (coinciding points) stay where they are.
    """
    edges = np.roll(quads, -1, 1) - quads
    edges /= np.maximum(np.linalg.norm(edges, axis=2, keepdims=True), 1e-6)
    before, after = np.roll(edges, 1, 1), edges
    turn = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    steep = np.abs(turn) > 0.05  # nearly straight corners would shoot far away
    step = np.where(steep, distances[:, None] / np.where(steep, turn, 1), 0)
    return quads + step[..., None] * (after - before)


def unshrink_distances(widths: np.ndarray, heights: np.ndarray, ratio: float) -> np.ndarray:
    """How far (N,) each edge of a shrunk rectangle moves outwards to undo `shrink_distances`.

    The whole rectangle w x h lost d = k w h / 2 (w + h) on each side, k = 1 - ratio^2. With
    w = w' + 2 d and h = h' + 2 d this is a quadratic in d, solved here. The edges of a
    parallelogram grow by as much.
    """
    k = 1 - ratio**2
    half_perimeter, area = widths + heights, widths * heights
    a, b = 8 - 4 * k, 2 * (1 - k) * half_perimeter
    return (np.sqrt(b**2 + 4 * a * k * area) - b) / (2 * a)


def smallest_boxes(contours: list[np.ndarray], upright_slack: float) -> np.ndarray:
    """Smallest box around each outline that `cv2.findContours` gave.

    It is a rectangle, turned only if the upright one around the outline has more than 1 +
    `upright_slack` times its area: the shape of a letter or two says little about an angle. Or a
    parallelogram where that saves enough: so look words on a wall that runs away from the camera.

    Returns:
        float64 (N, 6): x, y of the centre, width, height, degrees clockwise of the width from the
        right and of the height from straight down. The width is what runs nearer to the right: it
        is off by 45 degrees at most in rectangles, by 72 in parallelograms. Outlines join the
        centres of pixels; boxes reach the pixels' edges.
    """
    rects = np.array(
        [(*center, *size, angle) for center, size, angle in map(cv2.minAreaRect, contours)],
        np.float64,
    ).reshape(-1, 5)
    quarters = np.round(rects[:, 4] / 90)
    rects[:, 4] -= 90 * quarters
    odd = quarters % 2 == 1
    rects[odd, 2:4] = rects[odd, 3:1:-1]
    boxes = rects[:, [0, 1, 2, 3, 4, 4]]

    for i, most in enumerate(_areas(boxes) - _SAVED * boxes[:, 2:4].min(1) ** 2):
        if cv2.contourArea(contours[i]) < most:
            box = _smallest_parallelogram(cv2.convexHull(contours[i])[:, 0].astype(np.float64))
            if box is not None and _areas(box) < most:
                boxes[i] = box

    boxes[:, :2] += 0.5
    # At an upright edge the outermost centres lie half a pixel inside; the more steps a slanting
    # edge climbs, the nearer to it comes the nearest of them. The width ends at edges that lean as
    # the height does, and the other way round.
    boxes[:, 2:4] += 1 / (1 + boxes[:, 3:1:-1] * np.abs(np.tan(np.deg2rad(boxes[:, :3:-1]))))

    upright = np.array([cv2.boundingRect(outline) for outline in contours], np.float64)
    x, y, width, height = upright.reshape(-1, 4).T
    little = (width * height <= (1 + upright_slack) * _areas(boxes)) & (boxes[:, 4] == boxes[:, 5])
    # What is turned by more is no rectangle: its turned box set upright would lie elsewhere.
    other = little & (np.abs(boxes[:, 4]) > 5)
    boxes[little, 4:] = 0
    boxes[other, :4] = np.stack([x + width / 2, y + height / 2, width, height], 1)[other]
    return boxes


def _areas(boxes: np.ndarray) -> np.ndarray:
    """Of boxes (..., 6) of `smallest_boxes`."""
    return boxes[..., 2] * boxes[..., 3] * np.cos(np.deg2rad(boxes[..., 4] - boxes[..., 5]))


def _smallest_parallelogram(hull: np.ndarray) -> np.ndarray | None:
    """As `smallest_boxes`, around the points (n, 2) of a convex outline; two of its edges at least
    lie on edges of the outline, as in the smallest one of all (Schwarz et al. 1995).

    None if the outline is no more than a line.
    """
    edges = np.roll(hull, -1, 0) - hull
    edges /= np.linalg.norm(edges, axis=1, keepdims=True)
    normals = edges[:, ::-1] * [-1, 1]
    reach = normals @ hull.T  # (edges, points)
    low, high = reach.min(1), reach.max(1)
    sines = np.abs(normals @ edges.T)
    spans = high - low
    with np.errstate(divide="ignore"):
        sizes = np.where(sines > _LEAST_SINE, spans[:, None] * spans / sines, np.inf)
    i, j = np.unravel_index(sizes.argmin(), sizes.shape)
    if not 0 < sizes[i, j] < np.inf:
        return None
    # The width is that which runs nearer to the right.
    if abs(edges[i, 0]) < abs(edges[j, 0]):
        i, j = j, i
    middle = np.linalg.solve(normals[[i, j]], (low + high)[[i, j]] / 2)
    sides = spans[[j, i]] / sines[i, j]
    along = edges[i] * np.sign(edges[i, 0])
    down = edges[j] * np.sign(along[0] * edges[j, 1] - along[1] * edges[j, 0])
    turn, lean = np.arctan2(along[1], along[0]), np.arctan2(-down[0], down[1])
    return np.array([*middle, *sides, np.rad2deg(turn), np.rad2deg(lean)])


def box_quads(boxes: np.ndarray) -> np.ndarray:
    """Boxes (N, 6) of `smallest_boxes` as quads: the first edge runs along the width."""
    turn, lean = np.deg2rad(boxes[:, 4:]).T
    along = np.stack([np.cos(turn), np.sin(turn)], 1) * boxes[:, 2:3] / 2
    down = np.stack([-np.sin(lean), np.cos(lean)], 1) * boxes[:, 3:4] / 2
    corners = [-along - down, along - down, along + down, -along + down]
    return (boxes[:, None, :2] + np.stack(corners, 1)).astype(np.float32)
