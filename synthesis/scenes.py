"""Words on photographs: signs, labels and lettering out in the world, and pictures with no words.

Lettering comes from clean pages, a few near words at a time; each group is laid on a photograph,
foreshortened, as a board of two colours or as paint upon what is there; then a camera takes it.
Cut-outs of real words, where there are some, are set into the picture too. Photographs without
words, and ornaments laid on them, teach a detector what looks like text and is none.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset

from synthesis.degrade import degrade
from synthesis.geometry import on_pixel_centres, rotation
from synthesis.pages import PdfPages

logger = logging.getLogger(__name__)

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
KEPT = 8  # pages of lettering per worker, see `_kept`
KEPT_PHOTOS = 3  # decoded pictures per worker; few, that no worker's scenes are much alike
MAX_PIXELS = 6_000_000  # of a decoded picture; larger ones are reduced
LETTERING = (20.0, 60.0)  # pixels: heights of words before they are laid on a picture
LARGEST, LEGIBLE = 4.0, 6.0  # enlargement of lettering, and height of the lowest on a picture
ORNAMENT = 40  # pixels of an ornament as drawn for what is a word's height elsewhere
ARCHED = 0.35  # share of the groups that are bent into an arch, if they are lines
CLOSE = 0.35  # share of the groups whose words or lines are moved together
TRIES = 8  # places tried for a group of words before it is given up
VISIBLE = 28.0  # grey levels between a word's darkest and lightest parts as the camera shows it
LEAST_CONTRAST = 65.0  # grey levels between lettering and its ground
CUTOUTS = 0.4  # share of the groups that are cut-outs of real words, if there are any
LEAST_ASPECT = 0.3  # width of a cut-out by its height and letters; narrower ones are slanted words
LEAST_SEEN = 0.3  # area of a flat thing as it is seen, by its own; else it is too oblique
SEAM = 0.6  # heights of a cut-out over which it blends into the picture


class ScenePages(IterableDataset):
    """Endless windows of photographs, most of them with words laid upon them.

    Yields page dicts {"image": uint8 (H, W, 3) RGB, "words": [...], "name": "stem"}. What is
    written on the photographs themselves is not known and counts as background: choose pictures
    without text. Works in a `DataLoader` with any number of workers, as `pages.PdfPages` does.

    Args:
        photos: pictures, or folders that are searched for them at any depth. How many are drawn of
            those that share a parent folder grows with the square root of their number.
        lettering: PDFs, or folders that are searched for them, whose words are laid on pictures.
        cutouts: a map-style dataset of pages that are pictures of one real word each, such as
            ICDAR 2015's crops. Of them those that hold one upright word are used.
        size: lowest and highest side of a window, pixels.
        text_height: lowest and highest height of words, pixels; drawn evenly on a logarithmic
            scale, and reduced for groups that would not fit.
        groups: the most groups of words on a picture.
        bare: share of pictures without words.
        ornamented: share of pictures with ornaments, see `_ornament`.
        strength: of the camera's degradation, see `degrade.degrade`.
        seed: fixes the stream.

    Raises:
        FileNotFoundError: no picture is found, or no PDF.
    """

    def __init__(
        self,
        *,
        photos: Sequence[str | Path],
        lettering: Sequence[str | Path],
        cutouts: Sequence[dict[str, Any]] = (),
        size: tuple[int, int] = (500, 1000),
        text_height: tuple[float, float] = (9, 150),
        groups: int = 16,
        bare: float = 0.2,
        ornamented: float = 0.5,
        strength: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.files = find_photos(photos)
        self.lettering = PdfPages(
            folders=lettering, text_height=LETTERING, crop=700, strength=0, seed=seed
        )
        self.cutouts = cutouts
        self.size, self.text_height = size, text_height
        self.groups, self.bare, self.ornamented = groups, bare, ornamented
        self.strength, self.seed = strength, seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Draw pages for ever."""
        # torch's seed differs between workers, and between a run and its continuation.
        rng = np.random.default_rng([self.seed, torch.initial_seed() % 2**63])
        lettering = _kept(iter(self.lettering), KEPT, rng)
        photos = _kept(self._photos(rng), KEPT_PHOTOS, rng)
        for name, photo in photos:
            scene = _Scene(self._window(photo, rng))
            groups = 0 if rng.random() < self.bare else int(rng.integers(1, self.groups + 1))
            ornaments = int(rng.integers(1, 7)) if rng.random() < self.ornamented else 0
            # In any order, for the first to come find most room.
            for written in rng.permutation([True] * groups + [False] * ornaments):
                if not written:
                    scene.lay(_ornament(rng), self._height(rng), rng)
                elif not len(self.cutouts) or rng.random() > CUTOUTS:
                    scene.lay(_group(next(lettering), rng), self._height(rng), rng)
                elif cutout := _cutout(self.cutouts[int(rng.integers(len(self.cutouts)))]):
                    scene.set_in(*cutout, rng)
                    # A seam alone is no sign of a word: pieces of pictures have one too.
                    scene.set_in(_piece(next(photos)[1], cutout[0].shape, rng), [], rng)
            drawn: dict[str, Any] = {"image": scene.image, "words": scene.words, "name": name}
            page = degrade(drawn, rng, strength=self.strength, road="lens")
            grey = cv2.cvtColor(page["image"], cv2.COLOR_RGB2GRAY)
            for word in page["words"]:
                word["ignore"] |= _faint(grey, word["quad"])
            yield page

    def _photos(self, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
        files, shares = list(self.files), _shares(self.files)
        while files:
            index = int(rng.choice(len(files), p=shares))
            photo = _read(files[index])
            if photo is None:
                logger.warning("%s: cannot be decoded; this picture is left out", files[index])
                del files[index]
                shares = _shares(files)
            else:
                yield files[index].stem, photo
        raise RuntimeError(f"none of {len(self.files)} pictures can be decoded: give others")

    def _height(self, rng: np.random.Generator) -> float:
        low, high = map(math.log, self.text_height)
        return math.exp(rng.uniform(low, high))

    def _window(self, photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A part of the photograph at any scale, mirrored at times, in other light."""
        height, width = rng.integers(self.size[0], self.size[1] + 1, 2)
        rows, columns = photo.shape[:2]
        least = max(height / rows, width / columns)  # the scale at which the whole photo just fits
        scale = least * math.exp(rng.uniform(0, math.log(max(1.0, 1.5 / least) + 0.5)))
        h, w = min(rows, round(height / scale)), min(columns, round(width / scale))
        y, x = int(rng.integers(rows - h + 1)), int(rng.integers(columns - w + 1))
        part = photo[y : y + h, x : x + w]
        if rng.random() < 0.5:
            part = part[:, ::-1]
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        part = cv2.resize(part, (int(width), int(height)), interpolation=shrink)
        ramp = (np.arange(256) / 255)[:, None] ** rng.uniform(0.7, 1.5, (1, 1))
        ramp = ramp * rng.uniform(0.85, 1.1, 3) * rng.uniform(0.75, 1.15) * 255
        return cv2.LUT(np.ascontiguousarray(part), np.clip(ramp, 0, 255).astype(np.uint8)[None])


#: The cover of some words, uint8 (h, w), 255 for ink; and the words, quads in its pixels.
Group = tuple[np.ndarray, list[dict[str, Any]]]


class _Scene:
    """A picture and the words laid on it so far."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.words: list[dict[str, Any]] = []
        self.taken = np.zeros(image.shape[:2], bool)

    def lay(self, group: Group, height: float, rng: np.random.Generator) -> None:
        """Put a group of words somewhere free, `height` pixels high, or less where there is less
        room; nothing if there is none.

        A group without words is drawn for a height of `ORNAMENT`.
        """
        if rng.random() < CLOSE:
            group = _set_close(group, rng)
        cover, words = _arched(group, rng) if rng.random() < ARCHED else group
        heights = [_height_of(word["quad"]) for word in words]
        rows, columns = cover.shape
        usual = float(np.median(heights)) if heights else ORNAMENT
        # Large ones have room at a smaller scale.
        room = rng.uniform(0.4, 1) * min(self.image.shape[:2]) / max(cover.shape)
        scale = min(height / usual, room, LARGEST)
        height = usual * scale
        if height < LEGIBLE:
            return
        size = (max(2, round(columns * scale)), max(2, round(rows * scale)))
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cover = cv2.resize(cover, size, interpolation=shrink)
        if place := self._place(_foreshortened(size, rng), size, rng):
            window, matrix = place
            self.image[window] = _painted(self.image[window], cover, matrix, height, rng)
            stretch = np.diag([size[0] / columns, size[1] / rows, 1.0])
            self._keep(words, window, matrix @ stretch)

    def set_in(
        self, picture: np.ndarray, words: list[dict[str, Any]], rng: np.random.Generator
    ) -> None:
        """Blend a small picture, uint8 (h, w, 3), into this one; nothing if there is no room.

        Its words' quads are in its pixels.
        """
        scale = rng.uniform(0.6, 1.3)
        seam = max(2, round(SEAM * picture.shape[0]))
        rows, columns = (side + 2 * seam for side in picture.shape[:2])
        size = (max(2, round(columns * scale)), max(2, round(rows * scale)))
        if place := self._place(_foreshortened(size, rng, most=0.3), size, rng):
            window, matrix = place
            matrix = matrix @ np.diag([size[0] / columns, size[1] / rows, 1.0])
            framed = cv2.copyMakeBorder(picture, seam, seam, seam, seam, cv2.BORDER_REFLECT_101)
            # What the mirror shows besides the word is no writing.
            blurred = _blurred(framed, 0.5 * seam)
            blurred[seam:-seam, seam:-seam] = picture
            cover = np.zeros((rows, columns), np.uint8)
            cover[seam // 2 : -(seam // 2), seam // 2 : -(seam // 2)] = 255
            cover = _blurred(cover, seam / 6)
            ground = self.image[window]
            shape = ground.shape[1::-1]
            laid = cv2.warpPerspective(blurred, on_pixel_centres(matrix), shape)
            opacity = _warped(cover, matrix, shape)[..., None]
            self.image[window] = (ground * (1 - opacity) + laid * opacity).astype(np.uint8)
            words = [{**word, "quad": np.asarray(word["quad"]) + seam} for word in words]
            self._keep(words, window, matrix)

    def _place(
        self, corners: np.ndarray, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Room for something of `size` (width, height) whose corners lie so, around (0, 0).

        Returns its window of the picture, which is taken from now on, and the matrix from the
        thing's pixels to the window's; None if no room is found.
        """
        low, high = corners.min(0), corners.max(0)
        room = np.array(self.image.shape[1::-1]) - (high - low)
        for _ in range(TRIES):
            # Signs may hang over the picture's edge a little.
            place = rng.uniform(np.minimum(-0.1 * (high - low), room), np.maximum(room, 1)) - low
            x0, y0 = np.maximum(np.floor(low + place), 0).astype(int)
            x1, y1 = np.minimum(np.ceil(high + place), self.image.shape[1::-1]).astype(int)
            if x1 - x0 > 3 and y1 - y0 > 3 and not self.taken[y0:y1, x0:x1].any():
                self.taken[y0:y1, x0:x1] = True
                flat = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
                there = (corners + place - [x0, y0]).astype(np.float32)
                window = (slice(y0, y1), slice(x0, x1))
                return window, cv2.getPerspectiveTransform(flat, there)
        return None

    def _keep(
        self, words: list[dict[str, Any]], window: tuple[slice, slice], matrix: np.ndarray
    ) -> None:
        """Remember words that were laid there by this matrix, which takes their quads to it."""
        origin = np.array([window[1].start, window[0].start])
        for word in words:
            points = np.asarray(word["quad"], np.float64).reshape(-1, 1, 2)
            quad = cv2.perspectiveTransform(points, matrix).reshape(4, 2)
            self.words.append({**word, "quad": (quad + origin).astype(np.float32)})


def find_photos(folders: Sequence[str | Path]) -> list[Path]:
    """Pictures among and below `folders`, sorted.

    Raises:
        FileNotFoundError: there are none.
    """
    found: set[Path] = set()
    for folder in map(Path, folders):
        inside = [folder] if folder.is_file() else folder.rglob("*")
        found |= {path for path in inside if path.suffix.lower() in SUFFIXES}
    if not found:
        names = ", ".join(map(str, folders))
        raise FileNotFoundError(f"no picture ({', '.join(sorted(SUFFIXES))}) in {names}")
    return sorted(found)


def _shares(files: Sequence[Path]) -> np.ndarray:
    """How often each is drawn: as often as the others of its folder (its parent, that is), and of
    a folder with four times as many pictures twice as many are drawn."""
    folders = Counter(path.parent for path in files)
    shares = np.array([folders[path.parent] ** -0.5 for path in files])
    return shares / shares.sum()


def _kept(source: Iterator[Any], count: int, rng: np.random.Generator) -> Iterator[Any]:
    """Draws from the last `count` items of an endless source whose items are costly to make: each
    is seen about as many times, among others."""
    items: list[Any] = []
    while True:
        if len(items) < count or rng.random() < 1 / count:
            items = [*items, next(source)][-count:]
        yield items[int(rng.integers(len(items)))]


def _read(path: Path) -> np.ndarray | None:
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if photo is None:
        return None
    scale = math.sqrt(MAX_PIXELS / photo[..., 0].size)
    if scale >= 1:
        return photo
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _group(page: dict[str, Any], rng: np.random.Generator) -> Group:
    """A few words of a clean page that stand near each other, with others wiped away."""
    image, words = page["image"], page["words"]
    quads = np.array([word["quad"] for word in words], np.float32)
    low, high = quads.min(1), quads.max(1)
    readable = np.array([not word["ignore"] for word in words])
    first = int(rng.choice(np.flatnonzero(readable)))
    tall = _height_of(quads[first])
    box = np.concatenate([low[first], high[first]])
    for _ in range(min(int(rng.geometric(0.35)) - 1, 8)):
        gaps = np.maximum(np.maximum(low - box[2:], box[:2] - high), 0).max(1)
        inside = (low >= box[:2] - 1e-3).all(1) & (high <= box[2:] + 1e-3).all(1)
        gaps[inside] = np.inf
        nearest = int(gaps.argmin())
        if gaps[nearest] > 1.5 * tall:
            break
        box[:2] = np.minimum(box[:2], low[nearest])
        box[2:] = np.maximum(box[2:], high[nearest])
    chosen = readable & (low >= box[:2] - 1).all(1) & (high <= box[2:] + 1).all(1)
    margin = rng.uniform(0.1, 0.7) * tall
    x0, y0 = np.maximum(box[:2] - margin, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(box[2:] + margin), image.shape[1::-1]).astype(int)
    grey = cv2.cvtColor(image[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    # The edge is ground, mostly; whatever differs from it is ink.
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    cover = cv2.absdiff(grey, np.full_like(grey, int(np.median(edge))))
    near = ~chosen & (high > [x0, y0]).all(1) & (low < [x1, y1]).all(1)
    keep = np.zeros_like(cover)
    cv2.fillPoly(keep, list(np.round(quads[chosen] - [x0, y0]).astype(np.int32)), 255)
    wiped = np.zeros_like(cover)
    cv2.fillPoly(wiped, list(np.round(quads[near] - [x0, y0]).astype(np.int32)), 255)
    cover[(wiped > 0) & (keep == 0)] = 0
    cover = cv2.convertScaleAbs(cover, alpha=255 / max(float(cover.max()), 1.0))
    return cover, [
        {**words[i], "quad": quads[i] - np.array([x0, y0], np.float32)}
        for i in np.flatnonzero(chosen)
    ]


def _cutout(page: dict[str, Any]) -> tuple[np.ndarray, list[dict[str, Any]]] | None:
    """The picture of a real word and the word; None where it holds several, or a slanted one."""
    image, words = page["image"], page["words"]
    height, width = image.shape[:2]
    if len(words) != 1 or words[0].get("ignore") or " " in words[0]["text"] or height < 6:
        return None
    return (image, words) if width > LEAST_ASPECT * height * len(words[0]["text"]) else None


def _piece(photo: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Any part of a photograph, at any scale, made as large as `shape`."""
    height, width = shape[:2]
    scale = min(rng.uniform(0.3, 1), height / 4, width / 4)
    h, w = (min(round(n / scale), m) for n, m in zip((height, width), photo.shape, strict=False))
    y, x = int(rng.integers(photo.shape[0] - h + 1)), int(rng.integers(photo.shape[1] - w + 1))
    return cv2.resize(photo[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA)


def _set_close(group: Group, rng: np.random.Generator) -> Group:
    """Words with little between them, as on signs: the lines of a block; or those of a line, some
    in another weight or tone, which alone may part them. Single words, and words of a line that lie
    over each other, stay as they are."""
    cover, words = group
    if len(words) < 2:
        return group
    low = np.array([word["quad"].min(0) for word in words])
    high = np.array([word["quad"].max(0) for word in words])
    tall = float(np.median(high[:, 1] - low[:, 1]))
    if np.ptp(low[:, 1] + high[:, 1]) > 0.4 * tall:
        return _squeezed(group, 1, rng.uniform(0, 0.15) * tall)
    order = low[:, 0].argsort()
    if (low[order[1:], 0] < high[order[:-1], 0]).any():
        return group
    cover, words = _squeezed(group, 0, rng.uniform(0.06, 0.25) * tall)
    for word in words:
        x0, x1 = word["quad"][:, 0].min(), word["quad"][:, 0].max()
        draw, part = rng.random(), cover[:, max(int(x0), 0) : max(int(x1) + 1, 1)]
        if not part.size:
            continue
        if draw < 0.15:
            part[:] = cv2.convertScaleAbs(part, alpha=rng.uniform(0.5, 0.9))
        elif draw < 0.4:
            reach = 2 + round(0.03 * tall)
            change = cv2.erode if draw < 0.25 else cv2.dilate
            part[:] = change(part, np.ones((reach, reach), np.uint8))
    return cover, words


def _squeezed(group: Group, axis: int, left: float) -> Group:
    """The group with no more than `left` pixels between its words along x (0) or y (1). Gaps are
    shut where no word crosses them."""
    cover, words = group
    spans = sorted((word["quad"][:, axis].min(), word["quad"][:, axis].max()) for word in words)
    kept = np.ones(cover.shape[1 - axis], bool)
    reached = spans[0][1]
    for start, end in spans:
        if start - reached > left:
            kept[round(reached + left / 2) : round(start - left / 2)] = False
        reached = max(reached, end)
    moved = np.cumsum(~kept)
    close = []
    for word in words:
        shift = np.zeros(2, np.float32)
        shift[axis] = moved[np.clip(int(word["quad"][:, axis].min()), 0, len(moved) - 1)]
        close.append({**word, "quad": word["quad"] - shift})
    return np.compress(kept, cover, axis=1 - axis), close


def _arched(group: Group, rng: np.random.Generator) -> Group:
    """A line of words bent into a part of a circle, as on badges; any other group as it is."""
    cover, words = group
    height, width = cover.shape
    tall = max((_height_of(word["quad"]) for word in words), default=0.0)
    if not 1.5 * height < min(width, 4 * tall):
        return group
    angle = rng.uniform(0.4, min(3.0, width / height)) * rng.choice([-1, 1])
    radius = width / angle  # to the middle of the line; below 0 it smiles

    def bend(points: np.ndarray) -> np.ndarray:
        turn = (points[..., 0] - width / 2) / radius
        reach = radius - (points[..., 1] - height / 2)
        return np.stack([reach * np.sin(turn), -reach * np.cos(turn)], -1)

    t = np.linspace(0, 1, 33)[:, None]
    rim = np.concatenate([bend(t * [width, 0]), bend(t * [width, 0] + [0, height])])
    low, high = rim.min(0), rim.max(0)
    columns, rows = np.ceil(high - low).astype(int)
    x, y = np.meshgrid(np.arange(columns) + 0.5 + low[0], np.arange(rows) + 0.5 + low[1])
    reach = np.hypot(x, y) * np.sign(radius)
    turn = np.arctan2(x * np.sign(radius), -y * np.sign(radius))
    from_x = (turn * radius + width / 2 - 0.5).astype(np.float32)
    from_y = (radius - reach + height / 2 - 0.5).astype(np.float32)
    bent = []
    for word in words:
        quad = np.asarray(word["quad"])
        # A rectangle that leans as the word's middle does, around its arch.
        sides = zip(quad, np.roll(quad, -1, 0), strict=True)
        edges = np.concatenate([a + t * (b - a) for a, b in sides])
        lean = rotation((quad[:, 0].mean() - width / 2) / radius)
        outline = (bend(edges) - low) @ lean
        (x0, y0), (x1, y1) = outline.min(0), outline.max(0)
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        bent.append({**word, "quad": (corners @ lean.T).astype(np.float32)})
    return cv2.remap(cover, from_x, from_y, cv2.INTER_LINEAR), bent


def _ornament(rng: np.random.Generator) -> Group:
    """What the world has in rows without being text: windows, tiles, bars, bolts, wheels, foliage,
    arrows; and no words."""
    cover = _slats(rng) if rng.random() < 0.15 else _rows(rng)
    return _patchy(cover, rng) if rng.random() < 0.25 else cover, []


def _patchy(cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cover that is seen in parts, as shutters are with light behind them here and there."""
    field = rng.uniform(-0.5, 1.5, rng.integers(2, 8, 2)).astype(np.float32)
    seen = cv2.resize(field, cover.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return (cover * np.clip(seen, 0, 1)).astype(np.uint8)


def _rows(rng: np.random.Generator) -> np.ndarray:
    """The cover of rows of like shapes."""
    unit = ORNAMENT * rng.uniform(0.3, 0.9)
    columns, rows = int(rng.integers(1, 12)), int(rng.integers(1, 5))
    if rng.random() < 0.35:  # shutters, racks, facades, crowds
        columns, rows = int(rng.integers(3, 25)), int(rng.integers(5, 25))
    elif rng.random() < 0.3:
        columns, rows = rows, columns
    pitch = unit * rng.uniform(1.1, 2.0, 2)
    long = rng.uniform(1, 6) if rng.random() < 0.35 else 1.0  # slats, planks, bricks
    pitch[0] *= long
    width, height = (np.array([columns + 0.5, rows]) * pitch + unit).astype(int)
    cover = np.zeros((height, width), np.uint8)
    kind = rng.choice(["boxes", "bars", "discs", "rings", "checks", "leaves", "arrows", "strokes"])
    line = -1 if rng.random() < 0.6 else max(1, round(unit * rng.uniform(0.05, 0.15)))
    aspect = unit * rng.uniform(0.3, 1, 2) * (long, 1)
    lost = rng.choice([0, 0, 0.2, 0.5])
    bond = rng.choice([0, 0.5])  # every second row is shifted, as with bricks
    for row in range(rows):
        for column in range(columns):
            if rng.random() < lost:
                continue
            place = np.array([column + bond * (row % 2), row])
            x, y = (place * pitch + unit * rng.uniform(0.4, 0.6)).astype(int)
            if kind == "boxes":
                cv2.rectangle(cover, (x, y), (x + int(aspect[0]), y + int(aspect[1])), 255, line)
            elif kind == "bars":
                far = (x, y + int(pitch[1])) if columns > rows else (x + int(pitch[0]), y)
                cv2.line(cover, (x, y), far, 255, max(1, int(0.3 * aspect[0])), cv2.LINE_AA)
            elif kind == "discs":
                axes = (max(1, int(aspect[0] / 2)), max(1, int(aspect[1] / 2)))
                cv2.ellipse(cover, (x, y), axes, 0, 0, 360, 255, line, cv2.LINE_AA)
            elif kind == "rings":
                for share in (1.0, 0.7, 0.25):
                    radius = max(1, int(share * unit / 2))
                    cv2.circle(cover, (x, y), radius, 255, max(1, int(0.08 * unit)), cv2.LINE_AA)
            elif kind == "checks":
                if (row + column) % 2:
                    cv2.rectangle(cover, (x, y), (x + int(pitch[0]), y + int(pitch[1])), 255, -1)
            elif kind == "leaves":
                corners = (
                    np.array([x, y]) + rng.normal(0, 0.35, (int(rng.integers(3, 7)), 2)) * unit
                )
                cv2.fillPoly(cover, [corners.astype(np.int32)], 255, cv2.LINE_AA)
            elif kind == "arrows":
                tip, tail = (x + int(unit * 0.5), y), (x - int(unit * 0.5), y)
                cv2.arrowedLine(cover, tail, tip, 255, max(2, int(0.15 * unit)), cv2.LINE_AA,
                                tipLength=0.5)  # fmt: skip
            else:
                points = np.array([x, y]) + np.cumsum(rng.normal(0, 0.3, (5, 2)) * unit, axis=0)
                thickness = max(1, int(rng.uniform(0.04, 0.15) * unit))
                cv2.polylines(cover, [points.astype(np.int32)], False, 255, thickness, cv2.LINE_AA)
    return cover


def _slats(rng: np.random.Generator) -> np.ndarray:
    """The cover of shutters, blinds or gratings: panels of slats that shade from edge to edge."""
    pitch = round(ORNAMENT * rng.uniform(0.1, 0.6))
    rows, columns = int(rng.integers(5, 30)), round(pitch * rng.uniform(4, 25))
    slat = np.linspace(255, rng.uniform(0, 200), pitch)[:: int(rng.choice([-1, 1]))]
    slat[: int(rng.integers(0, pitch // 2))] = rng.choice([0, 255])  # between slats
    panel = np.tile(slat.astype(np.uint8)[:, None], (rows, columns))
    edge = int(rng.integers(0, 2 * pitch))
    panel = np.pad(panel, edge, constant_values=int(rng.choice([0, 120, 255])))
    panel = np.pad(panel, ((0, 0), (0, int(rng.integers(0, 3 * pitch)))))
    cover = np.tile(panel, (int(rng.integers(1, 3)), int(rng.integers(1, 6))))
    return np.ascontiguousarray(cover if rng.random() < 0.8 else cover.T)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur; wide ones, which would take most of the time of a scene, of a small copy."""
    if sigma <= 4:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    size = image.shape[1::-1]
    small = cv2.resize(image, [max(1, round(side * 3 / sigma)) for side in size],
                       interpolation=cv2.INTER_AREA)  # fmt: skip
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.0), size, interpolation=cv2.INTER_LINEAR)


def _height_of(quad: np.ndarray) -> float:
    return float(np.hypot(*(np.asarray(quad)[3] - np.asarray(quad)[0])))


def _faint(grey: np.ndarray, quad: np.ndarray) -> bool:
    """Whether a word hardly stands out from its ground, noise aside."""
    x0, y0 = np.maximum(quad.min(0), 0).astype(int)
    x1, y1 = np.ceil(quad.max(0)).astype(int)
    box = grey[y0:y1, x0:x1]
    if min(box.shape) < 4:
        return True
    low, high = np.percentile(cv2.blur(box, (3, 3)), (5, 95))
    return bool(high - low < VISIBLE)


def _foreshortened(
    size: tuple[int, int], rng: np.random.Generator, *, most: float = 1.0
) -> np.ndarray:
    """Where the corners of a flat thing lie, seen from somewhere in front of it; around (0, 0).

    Seldom in the middle of the view: what stands aside or above is sheared too, and a sign on a
    wall along a street rises or falls while its letters stay upright. With `most` below 1 it is
    turned away and moved aside by that share only, and never lies on its side.
    """
    half = np.array(size) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    draw = most * rng.random()
    roll = rng.normal(0, 4) if draw < 0.7 else rng.normal(0, 20) if draw < 0.92 else 90.0
    roll *= most * math.pi / 180 * rng.choice([-1, 1])
    distance = rng.uniform(1.5, 6) * max(size)
    while True:
        yaw, pitch = most * np.clip(rng.normal(0, 22, 2) * (1, 0.6), -55, 55) * math.pi / 180
        aside = most * np.clip(rng.normal(0, 15, 2), -35, 35) * math.pi / 180
        solid = np.column_stack([corners, np.zeros(4)])
        for angle, (a, b) in ((yaw, (0, 2)), (pitch, (1, 2))):
            solid[:, [a, b]] = solid[:, [a, b]] @ rotation(angle).T
        centre = distance * np.tan(aside)
        seen = (solid[:, :2] + centre) * (distance / (distance + solid[:, 2:])) - centre
        if cv2.contourArea(seen.astype(np.float32), oriented=True) > LEAST_SEEN * math.prod(size):
            return seen @ rotation(roll).T


def _painted(
    ground: np.ndarray,
    cover: np.ndarray,
    matrix: np.ndarray,
    height: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """The ground (h, w, 3) with lettering on it, `cover` warped by `matrix`."""
    size = ground.shape[1::-1]
    if height > 16 and rng.random() < 0.06:  # hollow letters
        reach = 1 + max(1, round(height * rng.uniform(0.03, 0.07)))
        cover = cv2.morphologyEx(cover, cv2.MORPH_GRADIENT, np.ones((reach, reach), np.uint8))
    light = ground.astype(np.float32).mean(2)
    mean, spread = float(light.mean()), float(light.std())
    ground = ground.astype(np.float32)
    board = rng.random() < 0.4 or 2.2 * spread > LEAST_CONTRAST
    if board:
        paper, ink = _two_colours(rng.uniform(0, 255), rng)
        plate = np.full(cover.shape, 255, np.uint8)
        if rng.random() < 0.3:  # a frame
            far = (cover.shape[1] - 2, cover.shape[0] - 2)
            cv2.rectangle(cover, (1, 1), far, 255, max(1, round(0.06 * height)))
        shape = _warped(plate, matrix, size)[..., None]
        # What lies around lends the board its light, and some of its texture.
        blurred = _blurred(light, max(2.0, 0.3 * height))[..., None]
        shade = 1 + rng.uniform(0, 0.5) * (blurred - mean) / max(mean, 40.0)
        shade = shade + rng.uniform(0, 0.15) * (light[..., None] - blurred) / 128
        ground = ground * (1 - shape) + np.clip(paper * shade, 0, 255) * shape
        ink = np.clip(ink * shade, 0, 255)
    else:
        _, ink = _two_colours(mean, rng)
        if rng.random() < 0.3:  # an outline or a shadow, of the other kind
            edge = cv2.dilate(cover, _reach(max(1, round(height * rng.uniform(0.03, 0.1))), rng))
            tone = 0.0 if ink.mean() > mean else 255.0
            opacity = rng.uniform(0.3, 1) * _warped(edge, matrix, size)[..., None]
            ground = ground * (1 - opacity) + tone * opacity
    letters = _warped(cover, matrix, size)
    special = rng.random()
    if special < 0.1 and height > 14:
        return _raised(ground, letters, height, rng)
    if 0.1 < special < 0.2 and ground.mean() < 140:
        return _lit(ground, letters, height, rng)
    if rng.random() < 0.25:  # ink that fades from above or from below
        ink = ink * np.linspace(1, rng.uniform(0.4, 1.2), size[1], dtype=np.float32)[:, None, None]
        ink = ink[:: int(rng.choice([-1, 1]))]
    opacity = letters[..., None] * rng.uniform(0.75, 1)
    return np.clip(ground * (1 - opacity) + ink * opacity, 0, 255).astype(np.uint8)


def _raised(
    ground: np.ndarray, letters: np.ndarray, height: float, rng: np.random.Generator
) -> np.ndarray:
    """The ground with letters (h, w), 0..1, cast or cut of its own stuff: light and shade tell
    them."""
    solid = _blurred(letters, max(0.7, 0.02 * height))
    turn, far = rng.uniform(0, 2 * math.pi), max(1.0, height * rng.uniform(0.02, 0.06))
    shift = far * np.array([math.cos(turn), math.sin(turn)])
    lit, shaded = (
        np.maximum(
            solid - cv2.warpAffine(solid, np.column_stack([np.eye(2), by]), solid.shape[::-1]), 0
        )
        for by in (shift, -shift)
    )
    relief = 160 * (rng.uniform(0.4, 1) * lit - rng.uniform(0.4, 1) * shaded)
    tint = 1 + rng.uniform(-0.25, 0.25) * solid
    raised = ground * tint[..., None] + relief[..., None]
    return np.clip(raised, 0, 255).astype(np.uint8)


def _lit(
    ground: np.ndarray, letters: np.ndarray, height: float, rng: np.random.Generator
) -> np.ndarray:
    """A dark ground with letters (h, w), 0..1, that shine on it."""
    glow = rng.uniform(0.2, 0.9) * _blurred(letters, height * rng.uniform(0.05, 0.25))[..., None]
    hue = rng.normal(0, 60, 3) * (rng.random() < 0.6)
    halo = np.clip(rng.uniform(190, 255) + hue, 0, 255)
    core = halo + rng.uniform(0, 80)  # brighter than the sensor can tell
    around = ground + glow * (halo - ground)
    shining = around + letters[..., None] * (core - around)
    return np.clip(shining, 0, 255).astype(np.uint8)


def _reach(far: int, rng: np.random.Generator) -> np.ndarray:
    """A kernel that dilates letters to all sides (an outline) or to one (a shadow, raised type)."""
    side = 2 * far + 1
    if rng.random() < 0.5:
        return np.ones((side, side), np.uint8)
    kernel = np.zeros((side, side), np.uint8)
    cv2.line(kernel, (far, far), tuple(rng.choice([0, side - 1], 2).tolist()), 1)
    return kernel


def _warped(cover: np.ndarray, matrix: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Shares 0..1, float32, of a cover seen through a perspective on pixel edges."""
    return cv2.warpPerspective(cover, on_pixel_centres(matrix), size).astype(np.float32) / 255


def _two_colours(ground: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours of a ground and of lettering on it that people can tell apart."""
    lowest, highest = ground - LEAST_CONTRAST, ground + LEAST_CONTRAST
    dark, light = max(lowest, 0.0), max(255 - highest, 0.0)
    if rng.random() < dark / max(dark + light, 1e-6):
        level = rng.uniform(0, 1) ** 1.5 * lowest
    else:
        level = 255 - rng.uniform(0, 1) ** 1.5 * light
    colours = []
    for value in (ground, level):
        hue = rng.normal(0, 1, 3) * rng.choice([8, 60])
        colours.append(np.clip(value + hue - hue @ [0.3, 0.59, 0.11], 0, 255).astype(np.float32))
    return colours[0], colours[1]
