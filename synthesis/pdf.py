"""Pages and words out of PDFs: the picture by pdfium, the words with their exact quads.

Coordinates of words: until a page is rendered they are *points*, 1/72 inch, x right and y down from
the top-left corner of the page as displayed (its /Rotate and crop box applied). Multiplying by
dpi / 72 gives pixels.

Box convention (the same for typeset and for born-digital pages): a quad is tight to the ink at left
and right and spans its font's height, ascender to descender, above and below, whatever letters the
word holds; then a margin of `MARGIN` heights all round.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium_c
import shapely

MARGIN = 0.04  # of the font's height, on each side
ASCENT, DESCENT = 0.73, 0.21  # em, where a page shows too few letters of a font to measure it
ASCENDERS = frozenset("bdfhklABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
DESCENDERS = frozenset("gpqy")
WORD_GAP = 0.16  # em between two glyphs' advances that makes two words of them
MAX_TRACKING = 0.22  # em; letters set wider apart than this are words of one letter
MIN_HEIGHT = 7.0  # pixels; what is lower no person could read
MIN_CONTRAST = 24  # grey levels between a word's ink and its paper

# Glyphs of these fonts are pieces of formulas, drawings or ornaments, not text that can be typed.
SYMBOL_FONTS = re.compile(
    r"cmex|cmsy|cmmi|msam|msbm|stmary|wasy|symbol|dingbat|ornament|math|emoji|icons|awesome|pifont"
    r"|manfnt|logo|esint|lasy|music|chess|barcode|braille|feta|line10|circle10|lcircle|linew",
    re.IGNORECASE,
)
LEADER_SIGNS = frozenset("._-·=*~…–")
LEADER = re.compile(r"([._\-·=*~…–])\1{3,}")
ACCENTS = {  # spacing accents, as old fonts set them beside their letter, and combining ones
    "\u00b4": "\u0301",
    "\u0060": "\u0300",
    "\u00a8": "\u0308",
    "\u02c6": "\u0302",
    "^": "\u0302",
    "\u02dc": "\u0303",
    "~": "\u0303",
    "\u00b8": "\u0327",
    "\u02da": "\u030a",
    "\u02c7": "\u030c",
    "\u00af": "\u0304",
    "\u02d8": "\u0306",
    "\u02d9": "\u0307",
    "\u02dd": "\u030b",
    "\u02db": "\u0328",
}
TYPED_SPACES = frozenset(" \t\n\r\v\f\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008")
TYPED_SPACES |= frozenset("\u2009\u200a\u202f\u205f\u3000")


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word of a page.

    Attributes:
        quad: float32 (4, 2), clockwise from the top-left corner in reading direction.
        text: what it says; "" where the PDF does not tell.
        ink: where its ink begins and ends, top and bottom, in heights of the quad from its top.
        font: name of the font that most of it is set in, as the PDF gives it.
        ignore: there is ink of a kind, but nobody should learn to read or to miss it.
    """

    quad: np.ndarray
    text: str
    ink: tuple[float, float] = (0.0, 1.0)
    font: str = ""
    ignore: bool = False

    @property
    def height(self) -> float:
        """Length of the side from the top-left to the bottom-left corner."""
        return float(np.hypot(*(self.quad[3] - self.quad[0])))


@dataclass
class _Glyphs:
    """Characters of a page in stream order, one row each; geometry in points, y down."""

    text: list[str]  # "" for what no text stands for
    space: np.ndarray  # (N,) bool: a typed space, which ends a word
    font: list[str]
    piece: np.ndarray  # (N,) the text object that holds it
    em: np.ndarray  # (N,) font size in points
    axis: np.ndarray  # (N, 2) unit vector in reading direction
    origin: np.ndarray  # (N, 2)
    span: np.ndarray  # (N, 2) ink from left to right, along `axis` from the origin
    reach: np.ndarray  # (N, 2) ink from baseline down and up: (lowest, highest), up positive
    advance: np.ndarray  # (N,)
    hidden: np.ndarray  # (N,) bool: invisible or mirrored


def page_size(page: Any) -> tuple[float, float]:
    """Width and height in points of a pypdfium2 page as displayed."""
    return pdfium_c.FPDF_GetPageWidthF(page), pdfium_c.FPDF_GetPageHeightF(page)


def page_words(page: Any) -> list[Word]:
    """All words of a pypdfium2 page, in points.

    Words end at typed spaces, at gaps, and where font size, baseline or direction change. Ligatures
    are spelt out and loose accents put on their letters. Characters without a known text, glyphs of
    symbol fonts, and words printed over each other make ignored words. Leaders and dividers (runs
    of dots, dashes, stars ...) are drawings, not words.
    """
    glyphs = _read_glyphs(page)
    if glyphs is None:
        return []
    heights = _font_heights(glyphs)
    words: list[Word] = []
    for run in _split(glyphs):
        words += _make_words(glyphs, run, heights)
    return _ignore_overprinted(_drop_spaced_leaders(words))


def rasterize(
    page: Any, *, dpi: float, window: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Render a pypdfium2 page on white; uint8 (H, W, 3) RGB.

    Args:
        page: the page.
        dpi: resolution.
        window: (x, y, width, height) in pixels of the whole page, to render only that part.
    """
    width, height = (max(1, round(side * dpi / 72)) for side in page_size(page))
    x, y, w, h = window or (0, 0, width, height)
    image = np.empty((h, w, 3), np.uint8)
    bitmap = pdfium_c.FPDFBitmap_CreateEx(
        w, h, pdfium_c.FPDFBitmap_BGR, image.ctypes.data_as(ctypes.c_void_p), image.strides[0]
    )
    if not bitmap:
        raise MemoryError(f"pdfium could not make a bitmap of {w} x {h} pixels: lower the dpi")
    try:
        pdfium_c.FPDFBitmap_FillRect(bitmap, 0, 0, w, h, 0xFFFFFFFF)
        pdfium_c.FPDF_RenderPageBitmap(
            bitmap, page, -x, -y, width, height, 0, pdfium_c.FPDF_REVERSE_BYTE_ORDER
        )
    finally:
        pdfium_c.FPDFBitmap_Destroy(bitmap)
    return image


def render_words(
    page: Any,
    words: Sequence[Word],
    *,
    dpi: float,
    window: tuple[int, int, int, int] | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Picture of a page (or of a window of it) with those of its words that lie there.

    Args:
        page: the pypdfium2 page.
        words: what `page_words` gave, in points.
        dpi: resolution.
        window: (x, y, width, height) in pixels, or the whole page.
        name: goes into the record.

    Returns:
        {"image", "words", "name"}. Words that the edge cuts, that are lower than `MIN_HEIGHT`
        pixels or that show no contrast are ignored; words wholly outside are left out.
    """
    image = rasterize(page, dpi=dpi, window=window)
    offset = np.array(window[:2] if window else (0, 0), np.float32)
    placed = [replace(word, quad=word.quad * np.float32(dpi / 72) - offset) for word in words]
    return {"image": image, "words": _visible(image, placed), "name": name}


def render_page(page: Any, dpi: float, *, name: str = "") -> dict[str, Any]:
    """Render a pypdfium2 page with its words; see `page_words` and `render_words`."""
    return render_words(page, page_words(page), dpi=dpi, name=name)


def _visible(image: np.ndarray, words: Sequence[Word]) -> list[dict[str, Any]]:
    """Label records of the words that fall on the picture, in its pixels."""
    height, width = image.shape[:2]
    grey = image[..., 1]
    records = []
    for word in words:
        x0, y0 = word.quad.min(0)
        x1, y1 = word.quad.max(0)
        if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
            continue
        slack = 0.1 * word.height
        cut = x0 < -slack or y0 < -slack or x1 > width + slack or y1 > height + slack
        inside = grey[max(0, int(y0)) : math.ceil(y1), max(0, int(x0)) : math.ceil(x1)]
        faint = inside.size == 0 or int(inside.max()) - int(inside.min()) < MIN_CONTRAST
        if faint:
            inside = image[max(0, int(y0)) : math.ceil(y1), max(0, int(x0)) : math.ceil(x1)]
            inside = inside.reshape(-1, 3)
            if inside.size == 0 or np.ptp(inside, axis=0).max() < MIN_CONTRAST:
                continue  # nothing to be seen there
        records.append(
            {
                "quad": word.quad,
                "text": word.text,
                "ink": word.ink,
                "ignore": bool(word.ignore or cut or faint or word.height < MIN_HEIGHT),
            }
        )
    return records


def _page_to_points(page: Any) -> tuple[np.ndarray, np.ndarray]:
    """The affine map (matrix (2, 2), shift (2,)) from PDF user space to points, y down."""
    width, height = page_size(page)
    side = 10_000
    corners = []
    for x, y in ((0, 0), (side, 0), (0, side)):
        px, py = ctypes.c_double(), ctypes.c_double()
        pdfium_c.FPDF_DeviceToPage(page, 0, 0, side, side, 0, x, y, px, py)
        corners.append((px.value, py.value))
    zero, right, down = np.array(corners)
    inverse = np.column_stack([(right - zero) / width, (down - zero) / height])
    matrix = np.linalg.inv(inverse)
    return matrix, -matrix @ zero


def _read_glyphs(page: Any) -> _Glyphs | None:
    """All characters that pdfium finds on the page, but for the ones that it made up."""
    c = pdfium_c
    textpage = c.FPDFText_LoadPage(page)
    if not textpage:
        return None
    left, right, bottom, top, x, y = (ctypes.c_double() for _ in range(6))
    loose, matrix = c.FS_RECTF(), c.FS_MATRIX()
    objects: dict[int, tuple[Any, ...]] = {}
    text: list[str] = []
    fonts: list[str] = []
    rows: list[tuple[float, ...]] = []
    try:
        for i in range(c.FPDFText_CountChars(textpage)):
            if c.FPDFText_IsGenerated(textpage, i) == 1:
                continue
            handle = c.FPDFText_GetTextObject(textpage, i)
            key = ctypes.addressof(handle.contents) if handle else 0
            if key not in objects:
                c.FPDFText_GetMatrix(textpage, i, matrix)
                name = _font_name(handle)
                objects[key] = (
                    len(objects),
                    name,
                    bool(SYMBOL_FONTS.search(name)),
                    c.FPDFText_GetFontSize(textpage, i),
                    (matrix.a, matrix.b, matrix.c, matrix.d),
                    bool(handle) and c.FPDFTextObj_GetTextRenderMode(handle) in (3, 7),
                )
            piece, font, symbol, size, (ma, mb, mc, md), hidden = objects[key]
            c.FPDFText_GetCharBox(textpage, i, left, right, bottom, top)
            c.FPDFText_GetCharOrigin(textpage, i, x, y)
            c.FPDFText_GetLooseCharBox(textpage, i, loose)
            char = _spell(c.FPDFText_GetUnicode(textpage, i))
            space = char == " "
            unknown = symbol or c.FPDFText_HasUnicodeMapError(textpage, i) == 1
            text.append("" if unknown and not space else char)
            fonts.append(font)
            rows.append(
                (
                    *(left.value, right.value, bottom.value, top.value, x.value, y.value),
                    *(loose.left, loose.right, loose.bottom, loose.top),
                    *(size, ma, mb, mc, md, hidden, space, piece),
                )
            )
    finally:
        c.FPDFText_ClosePage(textpage)
    if not rows:
        return None
    table = np.array(rows, np.float64)
    to_points, shift = _page_to_points(page)

    tight, loose_box = table[:, :4], table[:, 6:10]
    size, form = table[:, 10], table[:, 11:15]
    along = form[:, :2] @ to_points.T
    upward = form[:, 2:] @ to_points.T
    em = np.abs(size) * np.hypot(upward[:, 0], upward[:, 1])
    length = np.hypot(along[:, 0], along[:, 1])
    broken = (em <= 0) | (length <= 0)
    axis = np.where(broken[:, None], [1.0, 0.0], along / np.where(broken, 1, length)[:, None])
    # y points down, so the way up is (axis_y, -axis_x); where the glyphs' own way up disagrees,
    # the text is seen in a mirror.
    up = np.column_stack([axis[:, 1], -axis[:, 0]])
    mirrored = (upward * up).sum(1) <= 0
    origin = table[:, 4:6] @ to_points.T + shift
    span, reach = _upright(tight, to_points, shift, axis, up, origin, em)
    loose_span, _ = _upright(loose_box[:, [0, 1, 2, 3]], to_points, shift, axis, up, origin, em)
    return _Glyphs(
        text=text,
        space=table[:, 16] > 0,
        font=fonts,
        piece=table[:, 17],
        em=np.maximum(em, 1e-3),
        axis=axis,
        origin=origin,
        span=span,
        reach=reach,
        advance=np.maximum(loose_span[:, 1], 0),
        hidden=(table[:, 15] > 0) | mirrored | broken,
    )


def _font_name(handle: Any) -> str:
    font = pdfium_c.FPDFTextObj_GetFont(handle) if handle else None
    if not font:
        return ""
    buffer = ctypes.create_string_buffer(128)
    pdfium_c.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    return re.sub(r"^[A-Z]{6}\+", "", buffer.value.decode("utf-8", "replace"))


def _spell(code: int) -> str:
    """The text of a code point as people type it: "" where it has none, " " for any space."""
    if code in (0x02, 0xAD):  # pdfium's and the typesetter's hyphen at a line's end
        return "-"
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return ""
    char = chr(code)
    if char in TYPED_SPACES:
        return " "
    if char == "\ufffd" or unicodedata.category(char) in {"Cc", "Cf", "Co", "Cn", "Cs"}:
        return ""
    if "\ufb00" <= char <= "\ufb06":
        return unicodedata.normalize("NFKC", char)
    return char


def _upright(
    box: np.ndarray,
    to_points: np.ndarray,
    shift: np.ndarray,
    axis: np.ndarray,
    up: np.ndarray,
    origin: np.ndarray,
    em: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Extents of glyphs in their own frame, from pdfium's page-aligned boxes around them.

    A glyph of size u x v turned by t has a page-aligned box of w = u |cos t| + v |sin t|,
    h = u |sin t| + v |cos t|, and the same centre. That can be solved for u and v but close to
    45 degrees, where v is taken to be 0.6 em.

    Args:
        box: (N, 4) left, right, bottom, top in PDF user space.

    Returns:
        (N, 2) from left to right along the axis, (N, 2) from lowest to highest, from the origin.
    """
    a = box[:, [0, 2]] @ to_points.T + shift
    b = box[:, [1, 3]] @ to_points.T + shift
    w, h = np.abs(b - a).T
    cos, sin = np.abs(axis).T
    divisor = cos**2 - sin**2
    diagonal = np.abs(divisor) < 0.25
    safe = np.where(diagonal, 1, divisor)
    v = np.where(diagonal, 0.6 * em, (h * cos - w * sin) / safe)
    u = np.where(diagonal, ((w + h) - v * (cos + sin)) / (cos + sin), (w * cos - h * sin) / safe)
    u, v = np.maximum(u, 0), np.maximum(v, 0)
    centre = (a + b) / 2 - origin
    x, y = (centre * axis).sum(1), (centre * up).sum(1)
    return np.column_stack([x - u / 2, x + u / 2]), np.column_stack([y - v / 2, y + v / 2])


def _font_heights(glyphs: _Glyphs) -> dict[str, tuple[float, float]]:
    """Ascent and descent in em of each font on the page, measured on its letters."""
    tops: dict[str, list[float]] = defaultdict(list)
    bottoms: dict[str, list[float]] = defaultdict(list)
    straight = np.abs(glyphs.axis).max(1) > 0.9999
    reach = glyphs.reach / glyphs.em[:, None]
    for i in np.flatnonzero(straight):
        char = glyphs.text[i]
        if char in ASCENDERS:
            tops[glyphs.font[i]].append(reach[i, 1])
        elif char in DESCENDERS:
            bottoms[glyphs.font[i]].append(-reach[i, 0])
    heights = {}
    for font in set(glyphs.font):
        ascent = float(np.median(tops[font])) if tops[font] else ASCENT
        if not 0.3 < ascent < 1.3:
            ascent = ASCENT
        descent = float(np.median(bottoms[font])) if bottoms[font] else DESCENT * ascent / ASCENT
        heights[font] = (ascent, descent if 0.05 < descent < 0.6 else DESCENT)
    return heights


def _split(glyphs: _Glyphs) -> list[list[int]]:
    """Indices of the characters of each word."""
    n = len(glyphs.text)
    step = glyphs.origin[1:] - glyphs.origin[:-1]
    axis, em = glyphs.axis[:-1], glyphs.em[:-1]
    forward = (step * axis).sum(1)
    rise = np.abs(step[:, 0] * axis[:, 1] - step[:, 1] * axis[:, 0])
    gap = (forward - glyphs.advance[:-1]) / em
    turned = (axis * glyphs.axis[1:]).sum(1) < 0.999
    resized = np.abs(glyphs.em[1:] / em - 1) > 0.35  # small capitals are about 0.8 of capitals
    same = (np.abs(forward) < 1e-3 * em) & (rise < 1e-3 * em)  # pieces of one ligature
    elsewhere = turned | (rise > 0.12 * em) | resized
    elsewhere |= (forward < -0.3 * em) & ~same
    elsewhere |= glyphs.hidden[1:] != glyphs.hidden[:-1]

    runs: list[list[int]] = []
    run: list[int] = []
    for i in range(n):
        if i and run and (elsewhere[i - 1] or glyphs.space[i - 1]):
            runs.append(run)
            run = []
        if not glyphs.space[i]:
            run.append(i)
    if run:
        runs.append(run)

    tracking = _tracking(glyphs, gap, ~elsewhere)
    ends = (gap > WORD_GAP + tracking) & ~same
    words = []
    for run in runs:
        start = 0
        for k, i in enumerate(run[:-1], 1):
            if ends[i]:
                words.append(run[start:k])
                start = k
        words.append(run[start:])
    return words


def _tracking(glyphs: _Glyphs, gap: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """How far apart the letters around each gap are set on purpose, in em; (N - 1,).

    A piece of text, as the PDF draws it at one stroke, has one tracking: what most of its gaps
    have, those between words being the fewer.
    """
    starts = np.flatnonzero(np.diff(glyphs.piece)) + 1
    tracking = np.zeros(len(gap))
    for start, end in zip([0, *starts], [*starts, len(glyphs.text)], strict=True):
        inner = gap[start : end - 1][beside[start : end - 1]]
        if len(inner):
            usual = float(np.quantile(inner, 0.3, method="lower"))
            tracking[start : end - 1] = usual if 0 < usual < MAX_TRACKING else 0
    return tracking


def _make_words(
    glyphs: _Glyphs, run: list[int], heights: dict[str, tuple[float, float]]
) -> list[Word]:
    """The word of these characters; none or several where leaders are set among them."""
    if all(glyphs.hidden[run]):
        return []
    text = "".join(glyphs.text[i] or "\ufffd" for i in run)
    leader = LEADER.search(text)
    if leader and len(text) == len(run):
        start, end = leader.span()
        parts = [part for part in (run[:start], run[end:]) if part]
        return [word for part in parts for word in _make_words(glyphs, part, heights)]
    text = _compose(glyphs, run)

    first = run[0]
    axis, em = glyphs.axis[first], glyphs.em[run].max()
    up = np.array([axis[1], -axis[0]])
    base = glyphs.origin[first]
    along = ((glyphs.origin[run] - base) * axis).sum(1)
    left = float((along + glyphs.span[run, 0]).min())
    right = float((along + glyphs.span[run, 1]).max())
    if right - left < 0.02 * em:
        return []
    ascent, descent = (side * em for side in heights[glyphs.font[run[len(run) // 2]]])
    # Accents on capitals and tails of letters stay inside, within reason.
    letters = [i for i in run if unicodedata.category(glyphs.text[i][:1] or " ")[0] in "LM"]
    if letters:
        low, high = glyphs.reach[letters, 0].min(), glyphs.reach[letters, 1].max()
        ascent = min(max(ascent, high), ascent + 0.3 * em)
        descent = min(max(descent, -low), descent + 0.2 * em)
    margin = MARGIN * (ascent + descent)
    left, right, top, bottom = left - margin, right + margin, ascent + margin, -descent - margin
    frame = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    quad = base + frame[:, :1] * axis + frame[:, 1:] * up
    reach = np.array([glyphs.reach[run, 1].max(), glyphs.reach[run, 0].min()])
    ink = np.clip((top - reach) / (top - bottom), 0, 1)

    unknown = "\ufffd" in text
    text = "" if unknown else unicodedata.normalize("NFC", text)
    return [
        Word(
            quad=quad.astype(np.float32),
            text=text,
            ink=(round(float(ink[0]), 3), round(float(ink[1]), 3)),
            font=glyphs.font[run[len(run) // 2]],
            ignore=unknown,
        )
    ]


def _compose(glyphs: _Glyphs, run: list[int]) -> str:
    """The text of a word, accents that are set as glyphs of their own put on their letters."""
    parts: list[str] = []
    pending = ""
    for k, i in enumerate(run):
        char = glyphs.text[i] or "\ufffd"
        mark = ACCENTS.get(char)
        if mark and k + 1 < len(run) and _above(glyphs, i, run[k + 1]):
            pending = mark
        elif mark and k and _above(glyphs, i, run[k - 1]):
            parts.append(mark)
        else:
            parts.append({"\u0131": "i", "\u0237": "j"}.get(char, char) if pending else char)
            parts.append(pending)
            pending = ""
    return "".join(parts)


def _above(glyphs: _Glyphs, accent: int, letter: int) -> bool:
    """Whether the accent's middle lies within the letter's width."""
    shift = float((glyphs.origin[accent] - glyphs.origin[letter]) @ glyphs.axis[letter])
    middle = shift + glyphs.span[accent].mean()
    return bool(
        glyphs.text[letter].isalpha() and glyphs.span[letter, 0] < middle < glyphs.span[letter, 1]
    )


def _drop_spaced_leaders(words: list[Word]) -> list[Word]:
    """Take out rows of four and more lone dots, dashes, stars ... close together."""
    kept: list[Word] = []
    row: list[Word] = []

    def close() -> None:
        kept.extend(row if len(row) < 4 else [])
        row.clear()

    for word in words:
        if row and (
            word.text != row[-1].text
            or np.hypot(*(word.quad[0] - row[-1].quad[1])) > 1.5 * word.height
        ):
            close()
        if word.text in LEADER_SIGNS:
            row.append(word)
        else:
            kept.append(word)
    close()
    return kept


def _ignore_overprinted(words: list[Word]) -> list[Word]:
    """Ignore words that cover each other; of a word printed twice (poor man's bold) keep one."""
    if len(words) < 2:
        return words
    quads = np.stack([word.quad for word in words])
    low, high = quads.min(1), quads.max(1)
    straight = np.abs(quads[:, 1] - quads[:, 0]).min(1) < 0.05 * np.ptp(quads, axis=(1, 2))
    boxes = shapely.box(*low.T, *high.T)
    first, second = shapely.STRtree(boxes).query(boxes)  # pages of indexes hold 20,000 words
    pairs = (first < second) & straight[first] & straight[second]
    first, second = first[pairs], second[pairs]
    shared = np.minimum(high[first], high[second]) - np.maximum(low[first], low[second])
    area = (high - low).prod(-1)
    share = np.clip(shared, 0, None).prod(-1) / np.minimum(area[first], area[second])
    order = np.lexsort((second, first))
    order = order[share[order] > 0.2]
    first, second, share = first[order], second[order], share[order]
    twice, covered = set(), set()
    for i, j, part in zip(first.tolist(), second.tolist(), share.tolist(), strict=True):
        same = words[i].text == words[j].text and part > 0.8
        if same and min(area[i], area[j]) > 0.8 * max(area[i], area[j]):
            twice.add(j)
        else:
            covered |= {i, j}
    return [
        replace(word, ignore=word.ignore or i in covered)
        for i, word in enumerate(words)
        if i not in twice
    ]
