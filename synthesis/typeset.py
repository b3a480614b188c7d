"""Typeset pages of many kinds into PDFs with typst, from templates and random text.

Everything random is drawn here and handed to `templates/main.typ` as JSON: one dictionary a page,
with its kind, its faces, colours, texts and drawings. Lengths are in points.
"""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import typst

from synthesis.corpus import Corpus, capitals
from synthesis.fonts import Face, covering, scan
from synthesis.held_out import is_held_out

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent / "templates"
PAGES_PER_PDF = 6
KINDS = {
    "form": 0.2,
    "receipt": 0.11,
    "letter": 0.14,
    "table": 0.1,
    "columns": 0.11,
    "book": 0.07,
    "screen": 0.08,
    "sign": 0.07,
    "scatter": 0.06,
    "index": 0.06,
}
MARKS = ("underline", "underline", "bold", "italic", "strike", "highlight", "box")
PAPER_SIZES = [(595, 842), (595, 842), (612, 792), (612, 792), (612, 1008), (420, 595), (842, 595)]

Spec = dict[str, Any]


def typeset(
    *,
    out: str | Path,
    pages: int,
    seed: int = 0,
    font_folders: Sequence[str | Path] = (),
    kinds: dict[str, float] | None = None,
    words: Sequence[str] = (),
    held_out: Callable[[str], bool] = is_held_out,
) -> list[Path]:
    """Write PDFs of typeset pages.

    Args:
        out: folder for them, made if missing; files are named after seed and number.
        pages: how many pages, at least; long ones run over to further pages.
        seed: the same seed, fonts and versions give the same pages.
        font_folders: fonts besides the system's (see `synthesis.fonts.scan`); for `words`, where
            there are any, in their place.
        kinds: share of each kind of page, instead of `KINDS`.
        words: of any alphabet, to set pages of nothing else in faces that have all their letters.
        held_out: tells of a family's name whether to leave it out.

    Returns:
        The files written.

    Raises:
        FileNotFoundError: no usable fonts.
        ValueError: `kinds` names a template that there is not.
    """
    kinds = kinds or KINDS
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"no templates {sorted(unknown)}: choose among {sorted(KINDS)}")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if words:
        kinds = {"passage": 1.0}
        letters = frozenset(map(ord, "".join(words)))
        fonts, faces = covering(letters, font_folders, held_out=held_out)
    else:
        fonts, faces = scan(font_folders, held_out=held_out)
    compiler = typst.Compiler(
        input=str(TEMPLATES / "main.typ"),
        root=str(TEMPLATES),
        font_paths=fonts,
        ignore_system_fonts=True,
    )
    files = []
    share = np.array(list(kinds.values()))
    for number in range(math.ceil(pages / PAGES_PER_PDF)):
        rng = np.random.default_rng([seed, number])
        maker = PageMaker(rng, faces, words)
        count = min(PAGES_PER_PDF, pages - number * PAGES_PER_PDF)
        specs = [maker.page(str(k)) for k in rng.choice(list(kinds), count, p=share / share.sum())]
        path = out / f"typeset-{seed}-{number:05}.pdf"
        compiler.compile(
            output=str(path), format="pdf", sys_inputs={"pages": json.dumps(specs)}, pdf_tags=False
        )
        files.append(path)
    return files


class PageMaker:
    """Draws the specifications of pages.

    Args:
        rng: source of all randomness.
        faces: to choose from, as `synthesis.fonts.scan` lists them.
        words: for pages of the kind "passage".
    """

    def __init__(
        self, rng: np.random.Generator, faces: Sequence[Face], words: Sequence[str] = ()
    ) -> None:
        self.rng = rng
        self.own_words = words
        self.text = Corpus(rng)
        self._families: dict[str, dict[str, list[Face]]] = defaultdict(lambda: defaultdict(list))
        for face in faces:
            for look in {face.look, "any", "common" if face.common else "any"}:
                if look != "any" or face.look != "capitals":
                    self._families[look][face.family].append(face)
            if face.common and face.look == "mono":
                self._families["typewriter"][face.family].append(face)

    def page(self, kind: str) -> Spec:
        """The specification of one page of this kind."""
        self.text = Corpus(self.rng)
        return getattr(self, f"_{kind}")() | {"kind": kind}

    # ------------------------------------------------------------------------------------ tools

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def uniform(self, low: float, high: float) -> float:
        """A number between the two."""
        return round(float(self.rng.uniform(low, high)), 2)

    def size(self, low: float, high: float) -> float:
        """A size, evenly on a logarithmic scale."""
        return round(math.exp(self.rng.uniform(math.log(low), math.log(high))), 1)

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, options: Sequence[Any]) -> Any:
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def many(self, low: int, high: int, make: Callable[[], Any]) -> list[Any]:
        """Between low and high things made one by one."""
        return [make() for _ in range(self.count(low, high))]

    def face(
        self,
        size: float,
        *,
        look: str = "",
        fill: str = "#000000",
        plain: bool = False,
        heavy: bool = False,
    ) -> Spec:
        """A face of this look at this size; `plain` asks for a regular weight, `heavy` for bold."""
        if not look:
            look = str(self.rng.choice(["common", "any"], p=[0.45, 0.55]))
        families = self._families.get(look) or self._families["any"]
        faces = families[self.pick(list(families))]
        regular = [face for face in faces if face.style == "normal" and 300 <= face.weight <= 500]
        bold = [face for face in faces if face.weight >= 600]
        if heavy and bold:
            face = self.pick(bold)
        else:
            face = self.pick(regular if regular and (plain or self.chance(0.55)) else faces)
        # Tight word spaces as often as the font's own: many faces have narrow ones (a quarter em
        # and less), and a detector that has not seen them joins words. Letters are set apart only
        # where the spaces between words still stand out.
        tracking, spacing = 0.0, 100.0
        if self.chance(0.1):
            tracking = self.uniform(-0.03, 0.18)
        elif face.look != "mono" and self.chance(0.45):
            spacing = self.uniform(60, 100)
        elif self.chance(0.12):
            spacing = self.uniform(100, 180)
        return {
            "family": face.family,
            "style": face.style,
            "weight": face.weight,
            "stretch": face.stretch,
            "size": size,
            "fill": fill,
            "tracking": tracking,  # em
            "spacing": spacing,  # % of the font's own
            "ligatures": self.chance(0.7),
            "capitals": face.look == "capitals",
            "small_caps": self.chance(0.06),
            "old_style": self.chance(0.08),  # figures, where the font has them
        }

    def like(self, face: Spec, **changes: Any) -> Spec:
        """The same face with some properties changed."""
        return face | changes

    def dark(self) -> str:
        """A colour for ink on white: black, mostly."""
        if self.chance(0.7):
            return "#000000"
        return _hex(np.clip(self.rng.uniform(0, 110) + self.rng.uniform(-60, 90, 3), 0, 150))

    def colours(self) -> tuple[str, str]:
        """A ground, and an ink that stands off from it."""
        while True:
            ground, ink = (self._colour(), self._colour())
            if self.chance(0.4):
                ink = np.full(3, 255.0 if ground.mean() < 130 else 0.0)
            if abs(_luma(ground) - _luma(ink)) > 75:
                return _hex(ground), _hex(ink)

    def _colour(self) -> np.ndarray:
        """A colour, more often pale, deep or greyish than glaring."""
        colour = self.rng.uniform(0, 255, 3)
        colour += (_luma(colour) - colour) * self.rng.uniform(0, 1)
        if self.chance(0.4):
            colour += (self.pick([0.0, 255.0]) - colour) * self.rng.uniform(0.4, 1)
        return colour

    def sheet(self, face: Spec, **changes: Any) -> Spec:
        """What `sheet` in common.typ needs, but for the content."""
        width, height = self.pick(PAPER_SIZES)
        edge = self.uniform(18, 70)
        margin = (
            [edge, edge, edge, edge]
            if self.chance(0.5)
            else [self.uniform(15, 90) for _ in range(4)]
        )
        small = self.face(self.size(5, max(5.5, 0.9 * face["size"])), fill=face["fill"], plain=True)
        heads = [None, None, self.text.heading, self.text.date, self.text.field_value]
        head, foot = self.pick(heads), self.pick([*heads, lambda: str(self.count(1, 999))])
        spec = {
            "width": width,
            "height": height,
            "margin": margin,
            "paper": None,
            "face": face,
            "small": small,
            "lang": self.text.language,
            "hyphenate": self.chance(0.3),
            "justify": self.chance(0.4),
            "leading": self.uniform(0.3, 0.9),
            "par_spacing": self.uniform(0.4, 1.4),
            "indent": self.uniform(0.5, 2) if self.chance(0.3) else 0,
            "rule": self.uniform(0.3, 1.5),
            "gap": face["size"] * self.uniform(0.25, 1),
            "inset": self.uniform(2, 7),
            "header": head and head(),
            "footer": foot and foot(),
            "footer_at": self.pick(["left", "center", "right"]),
            "under": [],
            "over": [],
        }
        if self.chance(0.35):  # a strip at the head or the foot for what is not text
            size = self.uniform(18, 45)
            strip = self.pick(["header", "footer"])
            spec[strip] = None
            margin[1 if strip == "header" else 3] = size + 30
            y = 12 if strip == "header" else height - size - 18
            spec["under"] = self.ornaments(width, y, size)
        if self.chance(0.12):
            x, y = self.uniform(0.1, 0.7) * width, self.uniform(0.1, 0.7) * height
            spec["over"] = self.signature(x, y, 45)
        return spec | changes

    def title(self, body: float, fill: str, *, look: str = "") -> tuple[Spec, str]:
        """A face larger than the text's, and a heading to set in it."""
        face = self.face(self.size(body, 2.6 * body + 4), fill=fill, look=look)
        heading = self.text.heading()
        return face, capitals(heading) if face["capitals"] else heading

    # ------------------------------------------------------------------------- drawings, not text

    def ornaments(self, width: float, y: float, size: float) -> list[Spec]:
        """Logos, signatures, bar codes, halftones and rules in a row at height y."""
        makers = [self.logo, self.signature, self.bar_code, self.halftone, self.rules]
        shapes: list[Spec] = []
        for x in sorted(self.rng.uniform(0.02, 0.85, self.count(1, 3))):
            shapes += self.pick(makers)(float(x) * width, y, size)
        return shapes

    def drawings(self, width: float, height: float, *, clear: list[Spec]) -> list[Spec]:
        """Drawings in the free places between lines of text."""
        shapes: list[Spec] = []
        for above, below in pairwise(clear):
            foot = above["y"] + 1.6 * above["face"]["size"]
            room = below["y"] - foot - 0.4 * below["face"]["size"]
            if room > 10 and not above["turn"] and self.chance(0.4):
                shapes += self.ornaments(width, foot, min(room - 3, 45))
        return shapes

    def logo(self, x: float, y: float, size: float) -> list[Spec]:
        """Some overlapping shapes."""
        return [
            self.shape(
                self.pick(["rect", "ellipse"]),
                x + self.uniform(0, 0.5) * size,
                y + self.uniform(0, 0.5) * size,
                w=self.uniform(0.2, 1) * size,
                h=self.uniform(0.2, 1) * size,
                fill=self.pick([None, _hex(self.rng.uniform(0, 255, 3))]),
            )
            for _ in range(self.count(2, 5))
        ]

    def signature(self, x: float, y: float, size: float) -> list[Spec]:
        """A curve with loops that runs to the right."""
        n = 3 * self.count(4, 12) + 1
        steps = self.rng.normal(0, 1, (n, 2)) * (0.16, 0.25) * size + (0.12 * size, 0)
        points = np.round(np.cumsum(steps, axis=0), 1).tolist()
        return [self.shape("curve", x, y, points=points, width=self.uniform(0.5, 1.6))]

    def bar_code(self, x: float, y: float, size: float) -> list[Spec]:
        """Bars of many widths."""
        bars, at = [], 0.0
        for _ in range(self.count(20, 50)):
            wide = self.uniform(0.5, 2.5)
            bars.append(self.shape("rect", x + at, y, w=wide, h=size, fill="#000000", stroke=None))
            at += wide + self.uniform(0.5, 2.5)
        return bars

    def halftone(self, x: float, y: float, size: float) -> list[Spec]:
        """Dots of growing size on a grid."""
        pitch = self.uniform(2.5, 6)
        n = min(int(size / pitch) + 1, 14)
        return [
            self.shape(
                "ellipse", x + i * pitch, y + j * pitch, w=dot, h=dot, fill="#000000", stroke=None
            )
            for i in range(n)
            for j in range(n)
            for dot in [round(pitch * (0.15 + 0.75 * (i + j) / (2 * n)), 2)]
        ]

    def rules(self, x: float, y: float, size: float) -> list[Spec]:
        """Some straight lines."""
        return [
            self.shape(
                "line", x, y + 3 * k, w=self.uniform(-8, 8) * size, h=self.uniform(-0.1, 0.1) * size
            )
            for k in range(self.count(1, 4))
        ]

    def shape(self, kind: str, x: float, y: float, **values: Any) -> Spec:
        """A drawing for `draw` in common.typ."""
        return {
            "kind": kind,
            "x": round(x, 1),
            "y": round(y, 1),
            "w": 0,
            "h": 0,
            "r": 0,
            "fill": None,
            "stroke": _hex(self.rng.uniform(0, 140, 3)),
            "width": self.uniform(0.3, 1.8),
            "dash": self.pick([None, None, None, "dotted", "dashed"]),
        } | values

    # -------------------------------------------------------------------------------- page kinds

    def _form(self) -> Spec:
        fill = self.dark()
        face = self.face(self.size(6, 13), fill=fill, plain=True)
        spec = self.sheet(face, justify=False)
        label_face = face if self.chance(0.6) else self.face(self.size(5.5, 11), fill=fill)
        pen = fill if self.chance(0.6) else self.pick(["#1a237e", "#26408b", "#333333", "#5b2333"])
        fill_look = str(
            self.rng.choice(["typewriter", "hand", "common", "any"], p=[0.5, 0.2, 0.15, 0.15])
        )
        fill_face = self.face(face["size"] * self.uniform(0.9, 1.4), look=fill_look, fill=pen)
        title_face, title = self.title(face["size"], fill)
        style = self.pick(["line", "box", "leader", "colon", "any", "any", "comb"])
        return spec | {
            "title": title,
            "title_face": title_face,
            "title_rule": self.chance(0.3),
            "title_at": self.pick(["left", "center", "center", "right"]),
            "label_face": label_face,
            "fill_face": fill_face,
            "sections": self._fit(
                lambda: self._section(face, fill, style),
                lambda s: (
                    s["space"]
                    + 2.5 * face["size"]
                    + 0.006 * len(s["prose"]) * face["size"] ** 2
                    + sum(
                        3 if len(f["label"] + f["value"]) * s["columns"] > 60 else 2
                        for f in s["fields"]
                    )
                    / s["columns"]
                    * (1 + s["pitch"] / 2)
                    * face["size"]
                ),
                spec,
            ),
        }

    def _fit(
        self, make: Callable[[], Any], height: Callable[[Any], float], spec: Spec
    ) -> list[Any]:
        """As many things as about fill the page or a part of it; `height` guesses that of each."""
        room = (spec["height"] - spec["margin"][1] - spec["margin"][3]) * self.uniform(0.4, 0.85)
        things = [make()]
        while (room := room - height(things[-1])) > 0:
            things.append(make())
        return things if room > 0 or len(things) == 1 else things[:-1]

    def _section(self, face: Spec, fill: str, style: str) -> Spec:
        columns = int(self.rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
        panel, head_fill = (None, fill)
        if self.chance(0.25):
            panel, head_fill = self.colours() if self.chance(0.5) else ("#000000", "#ffffff")
        return {
            "space": self.uniform(4, 24),
            "heading": self.text.heading() if self.chance(0.7) else "",
            "face": self.like(
                face, size=face["size"] * self.uniform(0.9, 1.5), weight=700, fill=head_fill
            ),
            "panel": panel,
            "columns": columns,
            "framed": self.chance(0.25),
            "pitch": self.uniform(0.3, 1.6),
            "prose": self.text.paragraph() if self.chance(0.3) else "",
            "fields": self.many(2, 5 * columns + 2, lambda: self._field(style, columns)),
        }

    def _field(self, style: str, columns: int) -> Spec:
        if style == "any":
            style = self.pick(["line", "box", "leader", "colon", "ticks", "ticks"])
        if style == "comb" and columns > 2:
            style = "box"
        label = self.text.label() + self.pick([":", ":", "", ".", " :"])
        value = self.text.field_value() if self.chance(0.75) else ""
        if style == "comb":
            value = self.text.code().replace(" ", "")[:10]
        return {
            "style": style,
            "label": label,
            "value": value,
            "drop": self.uniform(0.5, 3),
            "below": self.chance(0.5),
            "dot": self.pick([".", ".", "_", "-", " ."]),
            "options": self._ticks() if style == "ticks" else [],
        }

    def _ticks(self) -> list[Spec]:
        """Boxes to tick, alike on one line; some are ticked, by pen or by typewriter."""
        side, width = self.uniform(0.6, 1.4), self.uniform(0.3, 2)
        return self.many(
            2,
            4,
            lambda: {
                "text": self.text.phrase()[:14].strip(),
                "side": side,  # em
                "width": width,
                "mark": self.pick(["", "", "", "cross", "X", "x"]),
            },
        )

    def _receipt(self) -> Spec:
        look = str(
            self.rng.choice(
                ["mono", "typewriter", "narrow", "common", "any"], p=[0.3, 0.25, 0.12, 0.18, 0.15]
            )
        )
        face = self.face(
            self.size(6.5, 11),
            look=look,
            fill=self.pick(["#000000", "#222222", "#333366"]),
            plain=True,
        )
        face["tracking"] = 0
        size = face["size"]
        at = self.pick(["center", "center", "left"])

        def big() -> Spec:
            changes = {"size": size * self.uniform(1, 1.7), "weight": self.pick([400, 700])}
            if self.chance(0.5):  # double width, double height
                changes = {"widen": self.pick([1, 1, 1.5, 2]), "heighten": self.pick([1.4, 1.7, 2])}
            return self.like(face, **changes)

        def line(text: str) -> Spec:
            return {"at": at, "text": text, "face": big() if self.chance(0.3) else face}

        head = [line(self.text.company())] + [line(part) for part in self.text.address()]
        head += self.many(
            0, 3, lambda: line(self.pick([self.text.phone, self.text.code, self.text.url])())
        )
        head += [line(capitals(self.text.heading()))] if self.chance(0.6) else []
        upper = self.chance(0.6)
        case = capitals if upper else str
        names = [
            "Subtotal",
            "Total",
            "TOTAL AMOUNT",
            "Cash",
            "Change",
            "GST 6%",
            "Rounding adj.",
            "Tax",
            "VAT 20%",
            "Discount",
            "Visa",
            "Net",
            "Total Qty",
            "MwSt 19%",
            "Rabatt",
        ]
        margin = self.uniform(6, 24)
        return self.sheet(
            face,
            width=self.uniform(165, 330),
            height=None,
            header=None,
            footer=None,
            margin=[margin, self.uniform(10, 40), margin, self.uniform(10, 60)],
            over=[],
            justify=False,
            leading=self.uniform(0.25, 0.7),
            hyphenate=False,
        ) | {
            "head": head,
            "facts_at": self.pick(["left", "right"]),
            "facts": self.many(
                1,
                5,
                lambda: [
                    case(self.text.label()) + self.pick([":", "", " :"]),
                    self.text.field_value()[:22],
                ],
            ),
            "divider": self.pick(["-", "=", "*", "", "", ".", "_", "- "]),
            "stacked": self.chance(0.35),
            "items": self.many(
                2,
                16,
                lambda: {
                    "name": case(self.text.words(self.count(1, 4))),
                    "code": self.text.code(),
                    "quantity": self.pick(
                        [
                            f"{self.count(1, 12)}",
                            f"{self.count(1, 9)} x",
                            f"{self.count(1, 9)} @ {self.text.number()}",
                        ]
                    ),
                    "price": self._price(),
                },
            ),
            "totals_at": self.pick(["left", "right"]),
            "totals": self.many(
                1,
                5,
                lambda: {
                    "name": case(self.pick(names)) + self.pick(["", ":"]),
                    "value": self._price(),
                    "face": big() if self.chance(0.3) else face,
                },
            ),
            "foot": self.many(
                1,
                5,
                lambda: line(
                    self.pick(
                        [
                            self.text.sentence,
                            self.text.heading,
                            self.text.date,
                            self.text.url,
                            self.text.code,
                        ]
                    )()
                ),
            ),
        }

    def _price(self) -> str:
        value = f"{10 ** self.rng.uniform(-0.3, 3):.2f}"
        return (
            self.pick(["", "", "", "RM ", "$", "€", "£"])
            + value
            + self.pick(["", "", "", "", " S", " SR", " A", "*", "-"])
        )

    def _letter(self) -> Spec:
        typed = self.chance(0.45)
        fill = self.pick(["#000000", "#222222", "#000033"]) if typed else self.dark()
        face = self.face(
            self.size(8, 13), look="typewriter" if typed else "", fill=fill, plain=True
        )
        title_face, title = self.title(face["size"], fill)
        head_face = self.face(self.size(8, 26), fill=self.dark())
        small = self.like(head_face, size=max(6, head_face["size"] * 0.5))
        head = [{"face": head_face, "text": self.text.company()}]
        head += [
            {"face": small, "text": text} for text in [*self.text.address(), self.text.phone()]
        ]
        invoice = not typed and self.chance(0.45)
        spec = self.sheet(face, hyphenate=not typed and self.chance(0.3))
        if typed:
            spec |= {"leading": self.uniform(0.3, 1.6), "justify": False}
        rows, columns, aligns = (
            self._grid(self.count(3, 14), self.count(3, 6)) if invoice else ([], [], [])
        )
        head_fill, head_ink = self.colours() if self.chance(0.4) else (None, fill)
        return spec | {
            "head": head if self.chance(0.6) else [],
            "head_at": self.pick(["left", "center", "right"]),
            "head_rule": self.chance(0.4),
            "space": self.uniform(5, 40),
            "address": [self.text.name(), *self.text.address()] if self.chance(0.7) else [],
            "facts": self.many(0, 5, lambda: [self.text.label(), self.text.field_value()]),
            "label_face": self.like(face, weight=700) if self.chance(0.3) else face,
            "fill_face": face,
            "title_face": title_face,
            "subject": title if self.chance(0.6) else "",
            "paragraphs": self.many(1, 3, self._paragraph)
            if invoice
            else self._fit(
                self._paragraph,
                lambda p: (
                    (1 + len(p["text"]) * 0.55 * face["size"] / (spec["width"] - 120))
                    * face["size"]
                    * (0.75 + spec["leading"])
                ),
                spec | {"height": spec["height"] - 150},
            ),
            "rows": rows,
            "columns": columns,
            "aligns": aligns,
            "ruling": self.pick(["all", "rows", "none"]),
            "head_fill": head_fill,
            "head_face": self.like(face, fill=head_ink, weight=700),
            "totals": self.many(1, 4, lambda: [self.text.label() + ":", self.text.amount()]),
            "close": [self.text.sentence(3), "", self.text.name()] if self.chance(0.7) else [],
        }

    def _paragraph(self) -> Spec:
        bullet = self.chance(0.15)
        text = self.text.paragraph(1 if bullet else None)
        return {
            "kind": "bullet" if bullet else "prose",
            "text": text,
            "runs": self._runs(text),
            "sign": self.pick(["•", "-", "–", "*", "·", "1.", "a)", "(i)", "§", "+"]),
        }

    def _runs(self, text: str, marks: Sequence[str] = MARKS) -> list[Spec]:
        """The text in pieces of which some are underlined, bold, and so on."""
        words, runs = text.split(" "), []
        while words:
            plain, marked = self.count(3, 60), self.count(1, 5)
            mark = self.pick(marks)
            runs.append({"mark": "", "text": " ".join(words[:plain]) + " "})
            if words[plain:]:
                runs.append({"mark": mark, "text": " ".join(words[plain : plain + marked])})
                runs.append({"mark": "", "text": " "})
            words = words[plain + marked :]
        return runs

    def _grid(self, rows: int, columns: int) -> tuple[list[list[str]], list[float], list[str]]:
        """Cells of a table by rows, its columns' shares (0: as wide as needed) and alignments."""
        makers, shares, aligns = [], [], []
        for i in range(columns):
            wordy = i == 0 or self.chance(0.25)
            makers.append(
                self.pick([self.text.phrase, self.text.name, self.text.label, self.text.company])
                if wordy
                else self.pick(
                    [
                        self.text.number,
                        self.text.amount,
                        self.text.percent,
                        self.text.code,
                        self.text.date,
                        self.text.number,
                        self.text.sign,
                        lambda: str(self.count(0, 99)),
                    ]
                )
            )
            shares.append(self.pick([2, 1]) if wordy else self.pick([0, 1]))
            aligns.append("left" if wordy else self.pick(["right", "right", "center", "left"]))
        cells = [[self.text.label() for _ in range(columns)]]
        cells += [
            [
                make() if self.chance(0.93) else self.pick(["", "-", "–", "n/a", "*"])
                for make in makers
            ]
            for _ in range(rows)
        ]
        return cells, shares, aligns

    def _table(self) -> Spec:
        fill = self.dark()
        face = self.face(self.size(5, 11), fill=fill, plain=True)
        title_face, _ = self.title(face["size"], fill)
        spec = self.sheet(face, justify=False, hyphenate=False, par_spacing=0.8)
        return spec | {
            "title_face": title_face,
            "tables": self._fit(
                lambda: self._one_table(face, fill),
                lambda t: 40 + len(t["rows"]) * (2 * t["inset"][1] + 1.6 * face["size"]),
                spec,
            ),
        }

    def _one_table(self, face: Spec, fill: str) -> Spec:
        columns = self.count(2, 7)
        rows, shares, aligns = self._grid(self.count(3, 30), columns)
        head_fill, head_ink = self.colours() if self.chance(0.4) else (None, fill)
        return {
            "title": self.text.heading() if self.chance(0.6) else "",
            "title_at": self.pick(["left", "center"]),
            "line": self.pick([fill, "#888888", "#bbbbbb"]),
            "columns": shares,
            "aligns": aligns,
            "head": rows[0],
            "rows": rows[1:],
            "inset": [face["size"] * self.uniform(0.25, 0.8), self.uniform(1, 5)],
            "ruling": self.pick(["all", "all", "rows", "columns", "none"]),
            "head_fill": head_fill,
            "head_face": self.like(face, fill=head_ink, weight=self.pick([face["weight"], 700])),
            "stripe": self.pick([None, None, "#eeeeee", "#e3ecf7", "#fff4dd"]),
            "note": self.text.sentence() if self.chance(0.4) else "",
        }

    def _columns(self) -> Spec:
        fill = self.dark() if self.chance(0.3) else "#000000"
        face = self.face(self.size(5, 12.5), fill=fill, plain=True)
        columns = int(self.rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
        title_face, title = self.title(1.5 * face["size"], fill)
        spec = self.sheet(
            face,
            justify=self.chance(0.7),
            hyphenate=self.chance(0.6),
            leading=self.uniform(0.25, 0.75),
        )
        area = (spec["width"] - spec["margin"][0] - spec["margin"][2]) * (
            spec["height"] - spec["margin"][1] - spec["margin"][3]
        )
        room = 0.75 * area / (0.5 * face["size"] * face["size"] * (0.75 + spec["leading"]))
        blocks: list[Spec] = []
        while room > 0:
            block = self._block(face, fill, spec["width"] / columns)
            blocks.append(block)
            room -= (
                len(block["text"])
                + (block.get("h", 0) * spec["width"] / columns) / face["size"] ** 2 / 0.6
            )
        return spec | {
            "columns": columns,
            "gutter": self.uniform(1.2, 3),
            "blocks": blocks,
            "title": title if self.chance(0.5) else "",
            "title_face": title_face,
            "title_at": self.pick(["left", "center"]),
            "title_rule": self.chance(0.3),
            "notes": self.many(0, 2, self.text.sentence) if self.chance(0.3) else [],
        }

    def _book(self) -> Spec:
        """Prose in one column under a running head."""
        fill = self.dark() if self.chance(0.2) else "#000000"
        look = self.pick(["common", "text"])
        face = self.face(self.size(8, 13), look=look, fill=fill, plain=True)
        face = self.like(face, tracking=0, small_caps=False, old_style=self.chance(0.4))
        head = self.like(face, size=0.9 * face["size"], small_caps=self.chance(0.6))
        chapter = self.like(face, size=face["size"] * self.uniform(1, 1.6))
        number = str(self.count(1, 640))
        spec = self.sheet(
            face,
            small=head,
            width=self.uniform(270, 430),
            height=self.uniform(430, 640),
            margin=[self.uniform(25, 60) for _ in range(4)],
            justify=self.chance(0.85),
            hyphenate=self.chance(0.8),
            leading=self.uniform(0.35, 0.8),
            par_spacing=self.uniform(0.4, 0.9),
            indent=self.uniform(1, 2.5),
            header=self.pick([number, f"{self.text.heading()}     {number}", self.text.heading()]),
            footer=self.pick([None, None, number]),
        )

        def paragraph() -> Spec:
            text = " ".join(self.many(1, 7, self.text.told))
            return {"kind": "prose", "text": text, "runs": self._runs(text, ["italic", ""])}

        wide = spec["width"] - spec["margin"][0] - spec["margin"][2]
        line = (0.75 + spec["leading"]) * face["size"]
        return spec | {
            "columns": 1,
            "gutter": 1,
            "blocks": self._fit(
                paragraph,
                lambda block: (1 + 0.5 * len(block["text"]) * face["size"] / wide) * line,
                spec,
            ),
            "title": self.text.heading() if self.chance(0.3) else "",
            "title_face": chapter,
            "title_at": "center",
            "title_rule": self.chance(0.2),
            "notes": self.many(1, 2, self.text.told) if self.chance(0.25) else [],
        }

    def _block(self, face: Spec, fill: str, width: float) -> Spec:
        draw = self.rng.random()
        if draw < 0.13:
            head, text = self.title(face["size"], fill)
            return {
                "kind": "heading",
                "at": self.pick(["left", "center"]),
                "face": head,
                "text": text,
            }
        if draw < 0.17:
            shapes: list[Spec] = []
            for _ in range(self.count(2, 8)):
                shapes += self.pick([self.logo, self.signature, self.halftone])(
                    self.uniform(0, 0.8) * width, self.uniform(0, 60), self.uniform(20, 80)
                )
            return {
                "kind": "picture",
                "h": self.uniform(40, 130),
                "shapes": shapes,
                "fill": _hex(self.rng.uniform(90, 255, 3)),
                "text": self.text.sentence(),
            }
        if draw < 0.2:
            quote = self.like(face, style="italic", size=0.95 * face["size"])
            return {"kind": "quote", "face": quote, "text": self.text.paragraph()}
        return self._paragraph()

    def _screen(self) -> Spec:
        width, height = self.pick([(960, 540), (800, 600), (1024, 640), (400, 800), (640, 480)])
        paper, ink = self.colours()
        face = self.face(self.size(9, 16), fill=ink, plain=True)
        base = self.face(12, look=self.pick(["common", "any"]))
        panels = []
        rows, columns = self.count(1, 4), self.count(1, 4)
        for i in range(rows):
            for j in range(columns):
                if self.chance(0.15):
                    continue
                panels.append(
                    self._panel(
                        j * width / columns,
                        i * height / rows,
                        width / columns,
                        height / rows,
                        base,
                        (paper, ink),
                    )
                )
        return self.sheet(
            face,
            width=width,
            height=height,
            margin=[0, 0, 0, 0],
            paper=paper,
            header=None,
            footer=None,
            under=self.ornaments(width, self.uniform(0, 0.9) * height, 40)
            if self.chance(0.3)
            else [],
            over=[],
            justify=False,
            hyphenate=False,
        ) | {"panels": panels}

    def _panel(
        self, x: float, y: float, w: float, h: float, base: Spec, colours: tuple[str, str]
    ) -> Spec:
        fill, ink = self.colours() if self.chance(0.5) else (None, colours[1])
        size = self.size(7, 30)
        face = (
            self.like(base, size=size, fill=ink) if self.chance(0.6) else self.face(size, fill=ink)
        )
        inset = self.uniform(4, 20)
        room = h - 2 * inset - 6
        lines: list[Spec] = []
        longest = max(3, int((w - 2 * inset) / (size * (0.66 + face["tracking"]))))
        while room > 2 * size and len(lines) < 14:
            text = self.pick(
                [self.text.phrase, self.text.sentence, self.text.label, self.text.field_value]
            )()
            text = _shorten(text, longest)
            chip, chip_ink = self.colours() if self.chance(0.12) else (None, ink)
            lines.append({"face": self.like(face, fill=chip_ink), "text": text, "chip": chip})
            room -= 1.75 * size + (0.7 * size if chip else 0)
            if self.chance(0.15):
                break
        return self.shape(
            "rect",
            x + 3,
            y + 3,
            w=w - 6,
            h=h - 6,
            fill=fill,
            r=self.pick([0, 0, 6, 12]),
            stroke=self.pick([None, None, ink]),
        ) | {"inset": inset, "lines": lines, "at": self.pick(["left", "left", "center"])}

    def _sign(self) -> Spec:
        width, height = self.uniform(250, 900), self.uniform(200, 900)
        paper, ink = self.colours()
        if self.chance(0.25):
            paper, ink = "#ffffff", "#000000"
        face = self.face(10, fill=ink)
        lines: list[Spec] = []
        y = self.uniform(5, 40)
        turn = self.uniform(-8, 8) if self.chance(0.2) else 0
        while y < height - 20:
            size = self.size(6, 130) if self.chance(0.6) else self.size(8, 30)
            chip, chip_ink = self.colours() if self.chance(0.15) else (None, ink)
            row = self.face(
                size,
                look=self.pick(["any", "any", "common", "capitals", "narrow", "hand", "wide"]),
                fill=chip_ink,
                heavy=self.chance(0.4),
            )
            if self.chance(0.15):  # letters set wide apart, and words wider still
                row |= {"tracking": self.uniform(0.15, 0.6), "spacing": self.uniform(250, 400)}
            text = self.pick(
                [
                    self.text.phrase,
                    self.text.phrase,
                    self.text.heading,
                    self.text.number,
                    self.text.amount,
                    self.text.company,
                    self.text.phone,
                    self.text.url,
                    self.text.code,
                    self.text.sentence,
                ]
            )()
            if row["capitals"] or self.chance(0.45):
                text = capitals(text)
            x = self.uniform(0.02, 0.4) * width
            text = _shorten(text, int((width - x) / (size * (0.7 + row["tracking"]))))
            if text and y + 1.5 * size < height:
                lines.append(
                    {
                        "x": x,
                        "y": y,
                        "turn": turn,
                        "face": row,
                        "text": text,
                        "chip": chip,
                        "r": self.pick([0, 4]),
                    }
                )
            y += (
                1.35 * size
                + self.uniform(2, 30)
                + (0.5 * size if chip else 0)
                + 0.14 * abs(turn) / 8 * width
            )
        return self.sheet(
            face,
            width=width,
            height=height,
            margin=[0, 0, 0, 0],
            paper=paper,
            header=None,
            footer=None,
            under=self.drawings(width, height, clear=lines),
            over=[],
        ) | {"lines": lines}

    def _scatter(self) -> Spec:
        fill = self.dark()
        face = self.face(10, fill=fill)
        spec = self.sheet(face, header=None, footer=None, margin=[0, 0, 0, 0])
        width, height = spec["width"], spec["height"]
        base = self.size(6, 22)
        turned = self.chance(0.25)
        lines: list[Spec] = []
        y = 10.0
        while y < height - 4 * base:
            x, tallest = self.uniform(5, 0.4 * width), base
            while x < width:
                size = min(
                    base * self.uniform(0.8, 1.3) if self.chance(0.8) else self.size(5, 40), 40
                )
                text = self.pick(
                    [
                        self.text.sign,
                        self.text.sign,
                        self.text.random_string,
                        self.text.word,
                        self.text.code,
                        self.text.amount,
                        self.text.number,
                        self.text.random_string,
                    ]
                )()
                row = self.face(size, fill=fill if self.chance(0.9) else self.dark())
                long = size * (0.75 + row["tracking"]) * len(text) + 2
                if x + long > width:
                    break
                turn = self.pick([0, 90]) if turned else 0
                if turn:
                    tallest = max(tallest, long)
                boxed = self.chance(0.1)
                lines.append(
                    self.shape(
                        "text", x + (1.2 * size if turn else 0), y, stroke=fill if boxed else None
                    )
                    | {
                        "turn": turn,
                        "face": row,
                        "text": text,
                        "inset": self.uniform(0.5, 3) if boxed else 0,
                    }
                )
                tallest = max(tallest, size)
                x += (1.5 * size if turn else long) + self.pick(
                    [0.25 * size + 2, self.size(4, 0.4 * width)]
                )
            y += 1.5 * tallest + self.pick([0, 3, self.size(2, 60)])
        return spec | {"lines": lines}

    def _passage(self) -> Spec:
        fill = self.dark()
        spec = self.sheet(
            self.face(10, look="any", fill=fill), header=None, footer=None, hyphenate=False
        )
        _, above, _, below = spec["margin"]
        room = spec["height"] - above - below
        lines: list[Spec] = []
        while room > 0:
            # Letters of joined scripts cannot be set apart.
            face = self.face(self.size(7, 26), look="any", fill=fill)
            face = self.like(face, tracking=0, small_caps=False)
            text = " ".join(self.many(2, 12, lambda: self.pick(self.own_words)))
            lines.append({"face": face, "text": text})
            room -= 2 * face["size"]
        return spec | {"lines": lines}

    def _index(self) -> Spec:
        fill = self.dark()
        face = self.face(self.size(6, 12), fill=fill, plain=True)
        bold = self.like(face, weight=700)
        title_face, title = self.title(face["size"], fill)
        columns = self.pick([1, 1, 2, 2, 3])
        spec = self.sheet(face, hyphenate=False, justify=False)
        rows = int(spec["height"] / face["size"] / 1.6 * columns * self.uniform(0.4, 1))
        tail = self.pick(
            [
                self.text.number,
                lambda: str(self.count(1, 999)),
                self._price,
                self.text.code,
                lambda: "",
            ]
        )
        return spec | {
            "title": title,
            "title_face": title_face,
            "title_at": self.pick(["left", "center"]),
            "columns": columns,
            "leader": self.pick([".", ".", ".", "", ",", "-", "_", "·"]),
            "leader_gap": self.pick([0, 1, 2, 4]),
            "entries": [
                {
                    "indent": self.pick([0, 0, 0, 1, 2]),
                    "face": bold if self.chance(0.15) else face,
                    "text": _shorten(
                        self.pick([self.text.heading, self.text.phrase, self.text.name])(),
                        int(60 / columns),
                    ),
                    "tail": tail(),
                }
                for _ in range(rows)
            ],
        }


def _shorten(text: str, longest: int) -> str:
    """Whole words of the text, as many as fit."""
    if len(text) <= longest:
        return text
    return text[: max(longest, 0) + 1].rpartition(" ")[0] or text[: max(longest, 0)]


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{int(c):02x}" for c in np.clip(colour, 0, 255))


def _luma(colour: np.ndarray) -> float:
    return float(colour @ np.array([0.3, 0.59, 0.11]))
