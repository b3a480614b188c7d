"""A result as one HTML page: the pictures with their text over them, to search, copy and print.

The page is a single file that asks nothing of the network, and its Content-Security-Policy sees to
that: it admits pictures inside the file, and the one style sheet and the one script written here,
by their hashes. What was read is only ever text in it.
"""

import base64
import hashlib
import math
from collections.abc import Iterable
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from ocr_pipeline.results import Document, Quad

#: Pictures are reduced to this many pixels: an A4 page at 200 dpi passes whole.
MAX_PIXELS = 4_000_000
#: And further until their WebP is no larger than this; base64 makes a megabyte of it.
MAX_BYTES = 750_000
#: What WebP can hold.
MAX_SIDE = 16383


class Level(NamedTuple):
    """A class of words that look alike; those whose confidence is at least `least`."""

    name: str
    label: str
    least: float


#: The surest first. The page underlines each level in its own way, not only in its own colour.
LEVELS = (
    Level("sure", "≥ 90 %", 0.9),
    Level("unsure", "60–90 %", 0.6),
    Level("doubtful", "< 60 %", -math.inf),
)


def to_html(document: Document, images: Iterable[np.ndarray]) -> bytes:
    """The whole result as a self-contained HTML page, in UTF-8.

    Args:
        document: what was read.
        images: its pages' pictures in order, RGB uint8 (H, W, 3); taken one by one, each shown
            at the size that its page names.

    Raises:
        ValueError: there are more or fewer images than pages.
    """
    style, script = _asset("page.css"), _asset("page.js")
    html = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            document=document,
            name=PurePath(document.source).name or "Untitled",
            sheets=zip(document.pages, map(_data_uri, images), strict=True),
            levels=LEVELS,
            style=Markup(style),
            script=Markup(script),
            policy="; ".join(
                [
                    "default-src 'none'",
                    "img-src data:",
                    f"style-src '{_hash(style)}'",
                    f"script-src '{_hash(script)}'",
                    "base-uri 'none'",
                    "form-action 'none'",
                ]
            ),
        )
    )
    # File names that are not UTF-8 come as surrogates, which UTF-8 cannot hold.
    return html.encode("utf-8", "backslashreplace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"level": _level, "quad": _numbers}
    return environment


def _asset(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names the content of a <style> or <script>."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _level(confidence: float) -> str:
    return next((level.name for level in LEVELS if confidence >= level.least), LEVELS[-1].name)


def _numbers(quad: Quad) -> str:
    """The corners' coordinates, to a tenth of a pixel, one after the other."""
    return " ".join(f"{value:.1f}" for point in quad for value in point)


def _data_uri(image: np.ndarray) -> str:
    """The picture as WebP within the limits above."""
    picture = Image.fromarray(image)
    pixels = picture.width * picture.height
    scale = min(1, math.sqrt(MAX_PIXELS / pixels), MAX_SIDE / max(picture.size))
    while True:
        size = [max(1, int(side * scale)) for side in picture.size]
        reduced = picture.resize(size, Image.Resampling.LANCZOS) if scale < 1 else picture
        file = BytesIO()
        reduced.save(file, format="WEBP", quality=80)
        if file.tell() <= MAX_BYTES:
            return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
        scale *= 0.8
