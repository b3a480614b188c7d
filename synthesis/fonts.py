"""Font faces for typesetting: found, checked for the glyphs that they really have, sorted by look.

typst must be able to name a face, so its own scanner lists them; fontTools looks inside.
"""

from __future__ import annotations

import hashlib
import logging
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import typst
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont, TTLibError

from synthesis.held_out import is_held_out

Seen = TypeVar("Seen")

logger = logging.getLogger(__name__)
logging.getLogger("fontTools").setLevel(logging.ERROR)  # odd time stamps are nobody's business

SYSTEM_FONTS = ("/usr/share/fonts", "/usr/share/texmf/fonts/opentype")

# Not typefaces for text: symbols, mathematics, bitmaps, other scripts' fonts (their Latin repeats
# another face), segment displays, small capitals, and faces that no one could call legible.
UNUSABLE = re.compile(
    r"symbol|dingb|webding|wingding|ornament|emoji|icons|awesome|barcode|braille|music|math|jsmath"
    r"|stixnon|stixint|stixsize|stixvar|initials|keyboard|dseg|weather|fraktur|unifont (upper|csur)"
    r"|caps\b|smallcap|small cap|\bsc\b|unz1|bbold|lastresort|fallback|nonunicode|d050000l"
    r"|noto (sans|serif) (?!mono\b|display\b|condensed\b)\w|noto (traditional|nastaliq|naskh|kufi"
    r"|rashi|looped|music|color)|dotted|outline|manchu|tibetan|uchen|junkyard|swift|balker|kiloji",
    re.IGNORECASE,
)
# They have a glyph for everything: of bitmaps, or a mere sign for its alphabet.
PLACEHOLDERS = re.compile(r"last ?resort|unifont|fallback", re.IGNORECASE)
HAND = re.compile(
    r"hand|script|dancing|kristi|kaushan|lobster|chancery|chorus|z003|manners|rufscript|comic|humor"
    r"|ecolier|femke|abogado|brush|marker|casual|calligra|caveat|breip|tomson|steve|domestic"
    r"|dkg|delphine|averia|aoyagi|cookie|pacifico|satisfy|wasn't|conakry",
    re.IGNORECASE,
)
# What most printed matter is set in, and so half of what is typeset here.
COMMON = re.compile(
    r"liberation (sans|serif|mono)|nimbus (sans|roman|mono)|arimo|tinos|cousine"
    r"|free(sans|serif|mono)|tex gyre (heros|termes|cursor|schola|pagella|bonum)|courier prime"
    r"|dejavu|open sans|roboto|lato|caladea|noto (sans|serif)$|bitstream vera|c059"
    r"|p052|urw|inter$|latin modern (roman|mono)",
    re.IGNORECASE,
)

_ASCII = set(range(128))
_NEEDED = set(map(ord, string.ascii_letters + string.digits + ".,:;-()/&'!?"))
_SIGNATURE = "aegRQS27&"
# Fonts for other alphabets that come in Latin's code points have no accents on these.
_ACCENTED = (("a", "à"), ("n", "ñ"), ("o", "ö"), ("u", "ü"))


@dataclass(frozen=True)
class Face:
    """One face, by the properties with which typst selects it.

    Attributes:
        family: typst's name of the family.
        style: "normal", "italic" or "oblique".
        weight: 100 to 900.
        stretch: width in percent, 50 to 200.
        look: "text", "mono", "hand", "narrow", "wide" or "capitals" (no lower case).
        common: whether it belongs to what most printed matter is set in.
        characters: code points that it covers; only ASCII where the others are not what they
            should be.
    """

    family: str
    style: str
    weight: int
    stretch: float
    look: str
    common: bool
    characters: frozenset[int]


def scan(
    folders: Sequence[str | Path] = (), *, held_out: Callable[[str], bool] = is_held_out
) -> tuple[typst.Fonts, list[Face]]:
    """List the usable faces of the system's and the user's font folders.

    Args:
        folders: searched besides `SYSTEM_FONTS`.
        held_out: tells of a family's name whether to leave it out.

    Returns:
        The scanned fonts, to hand to `typst.Compiler`, and the faces among them that cover ASCII
        letters and digits, each design once, sorted by name.

    Raises:
        FileNotFoundError: there is no such folder, or no usable face at all.
    """
    searched = [*filter(_exists, SYSTEM_FONTS), *folders]
    fonts, infos = _listed(searched)
    faces: dict[str, Face] = {}
    usable = [i for i in infos if not held_out(i.family) and not UNUSABLE.search(i.family)]
    for _, checked in _looked_into(usable, _inspect):
        if checked is not None:
            signature, face = checked
            faces.setdefault(signature, face)
    if not faces:
        names = ", ".join(map(str, searched))
        raise FileNotFoundError(f"no usable font in {names}: install some or name more")
    return fonts, list(faces.values())


def covering(
    characters: frozenset[int],
    folders: Sequence[str | Path] = (),
    *,
    held_out: Callable[[str], bool] = is_held_out,
) -> tuple[typst.Fonts, list[Face]]:
    """List the faces that have all of these characters, of any alphabet.

    Args:
        characters: code points.
        folders: where to look, and nowhere else; `SYSTEM_FONTS` by default.
        held_out: tells of a family's name whether to leave it out.

    Returns:
        The scanned fonts, and the faces, sorted by name. Their look is not looked at.

    Raises:
        FileNotFoundError: there is no such folder, or no face has all of the characters.
    """
    searched = folders or [*filter(_exists, SYSTEM_FONTS)]
    fonts, infos = _listed(searched)
    faces, most = [], (0, "")
    usable = [i for i in infos if not held_out(i.family) and not PLACEHOLDERS.search(i.family)]
    for info, known in _looked_into(usable, lambda font, _: frozenset(font.getBestCmap() or ())):
        most = max(most, (len(characters & known), info.family))
        if characters <= known:
            faces.append(_face(info, look="text", characters=known))
    if not faces:
        lacking = "".join(map(chr, sorted(characters)))
        names = ", ".join(map(str, searched))
        raise FileNotFoundError(
            f"no font in {names} has all of {lacking!r}; the fullest is {most[1]} with "
            f"{most[0]} of {len(characters)}: name a folder of fonts that have them, or leave "
            "words out"
        )
    return fonts, faces


def _listed(folders: Sequence[str | Path]) -> tuple[typst.Fonts, list[typst.FontInfo]]:
    """The fonts in these folders, and their faces, sorted by name."""
    for folder in folders:
        if not _exists(folder):
            raise FileNotFoundError(f"{folder}: no such font folder")
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in folders],
    )
    faces = [info for info in fonts.fonts() if info.path]
    return fonts, sorted(faces, key=lambda info: (info.family, info.style, info.weight))


def _looked_into(
    infos: Iterable[typst.FontInfo], look: Callable[[TTFont, typst.FontInfo], Seen]
) -> Iterator[tuple[typst.FontInfo, Seen]]:
    """Each face with what is seen in its file; those that cannot be read are named in the log."""
    for info in infos:
        try:
            with TTFont(info.path, fontNumber=info.index, lazy=True) as font:
                seen = look(font, info)
        except (TTLibError, OSError, KeyError, AssertionError, ValueError) as error:
            logger.info("%s: left out, fontTools cannot read it (%s)", info.path, error)
            continue
        yield info, seen


def _exists(path: str | Path) -> bool:
    return Path(path).exists()


def _inspect(font: TTFont, info: typst.FontInfo) -> tuple[str, Face] | None:
    """A hash of the design and the face, or None where the face will not do."""
    cmap = font.getBestCmap()
    if cmap is None or not cmap.keys() >= _NEEDED:
        return None
    glyphs = font.getGlyphSet()
    em = font["head"].unitsPerEm
    width = {char: glyphs[cmap[ord(char)]].width / em for char in "iMnaoxHE "}
    if min(width.values()) <= 0.03:
        return None
    drawn = {char: _outline(glyphs, cmap[ord(char)], em) for char in _SIGNATURE + "bnr"}
    if any(len(outline) < 3 for outline in drawn.values()):
        return None
    upper = {char: _outline(glyphs, cmap[ord(char)], em) for char in "AEGNR"}
    same = [_shape(drawn[c]) == _shape(upper[c.upper()]) for c in "aegnr"]
    # Of faces whose lower case is other capitals too the letters without ascender stand as high.
    rise = median(_top(drawn[c]) / max(_top(upper[c.upper()]), 0.01) for c in "aenr")

    if sum(same) >= 3 or rise >= 0.97:
        look = "capitals"
    elif abs(width["i"] - width["M"]) < 0.01:
        look = "mono"
    elif HAND.search(info.family):
        look = "hand"
    else:
        mean = (width["n"] + width["a"] + width["o"] + width["x"]) / 4
        look = "narrow" if mean < 0.43 else "wide" if mean > 0.64 else "text"
    outlines = repr([(drawn[c], width.get(c)) for c in _SIGNATURE])
    signature = hashlib.sha1(outlines.encode()).hexdigest()
    characters = cmap.keys() if _accents_are_drawn(glyphs, cmap, em) else cmap.keys() & _ASCII
    return signature, _face(info, look=look, characters=frozenset(characters))


def _face(info: typst.FontInfo, *, look: str, characters: frozenset[int]) -> Face:
    return Face(
        family=info.family,
        style=info.style,
        weight=info.weight,
        # typst gives the stretch as a ratio of the normal width
        stretch=round(info.stretch * 100 if info.stretch <= 3 else info.stretch, 1),
        look=look,
        common=bool(COMMON.search(info.family)),
        characters=characters,
    )


def _accents_are_drawn(glyphs: object, cmap: dict[int, str], em: int) -> bool:
    """Whether accented letters stand higher than plain ones, as far as the font has them."""
    return all(
        _top(_outline(glyphs, cmap[ord(accented)], em))
        > _top(_outline(glyphs, cmap[ord(plain)], em))
        for plain, accented in _ACCENTED
        if ord(accented) in cmap
    )


def _top(outline: list[tuple[str, tuple]]) -> float:
    return max((point[1] for _, points in outline for point in points), default=0.0)


def _outline(glyphs: object, name: str, em: int) -> list[tuple[str, tuple]]:
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)  # type: ignore[index]
    return [
        (op, tuple((round(p[0] / em, 3), round(p[1] / em, 3)) for p in points if p is not None))
        for op, points in pen.value
    ]


def _shape(outline: list[tuple[str, tuple]]) -> list[tuple[str, int]]:
    return [(op, len(points)) for op, points in outline]
