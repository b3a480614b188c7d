"""What several formats need: quads in whole pixels of the page, directions, text fit for XML."""

import math
import re

from ocr_pipeline.results import Page, Quad

#: Where the baseline of Latin print is, in heights of a line above its lower edge. Quads go from
#: ascender to descender.
DESCENT = 0.2

#: Everything outside of XML 1.0's Char: control characters, surrogates, U+FFFE and U+FFFF.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Box = tuple[int, int, int, int]
Points = list[tuple[int, int]]


def xml_text(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)


def enclosing_box(quad: Quad, page: Page) -> Box:
    """The whole pixels that a quad touches within the page: left, top, right, bottom."""
    xs, ys = zip(*quad, strict=True)
    return (
        _clip(math.floor(min(xs)), page.width),
        _clip(math.floor(min(ys)), page.height),
        _clip(math.ceil(max(xs)), page.width),
        _clip(math.ceil(max(ys)), page.height),
    )


def corners(quad: Quad, page: Page) -> Points:
    """A quad's corners, rounded to pixels and moved into the page."""
    return [(_clip(round(x), page.width), _clip(round(y), page.height)) for x, y in quad]


def page_quad(page: Page) -> Quad:
    """The whole page."""
    w, h = page.width, page.height
    return ((0, 0), (w, 0), (w, h), (0, h))


def is_upright(points: Points) -> bool:
    """Whether the corners are those of a box that is read from left to right."""
    xs, ys = zip(*points, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return points == [(left, top), (right, top), (right, bottom), (left, bottom)]


def direction(quad: Quad) -> float:
    """Reading direction in degrees clockwise from the x axis, above -180 up to 180."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    return math.degrees(math.atan2(by - ay + cy - dy, bx - ax + cx - dx))


def _clip(value: int, size: int) -> int:
    return min(max(value, 0), size)
