"""What all kinds of pages are made of: random faces, colours, sheets, drawings, prose.

Lengths are in points.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from synthesis.corpus import Corpus, capitals
from synthesis.fonts import Face

MARKS = ("underline", "underline", "bold", "italic", "strike", "highlight", "box")
PAPER_SIZES = [(595, 842), (595, 842), (612, 792), (612, 792), (612, 1008), (420, 595), (842, 595)]

Spec = dict[str, Any]


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

    # ------------------------------------------------------------------------------------ draws

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
            "old_style": self.chance(0.16),  # figures, where the font has them
        }

    def like(self, face: Spec, **changes: Any) -> Spec:
        """The same face with some properties changed."""
        return face | changes

    def dark(self) -> str:
        """A colour for ink on white: black, mostly."""
        if self.chance(0.7):
            return "#000000"
        return hex_code(np.clip(self.rng.uniform(0, 110) + self.rng.uniform(-60, 90, 3), 0, 150))

    def colours(self) -> tuple[str, str]:
        """A ground, and an ink that stands off from it."""
        while True:
            ground, ink = (self._colour(), self._colour())
            if self.chance(0.4):
                ink = np.full(3, 255.0 if ground.mean() < 130 else 0.0)
            if _stands_off(ink, ground):
                return hex_code(ground), hex_code(ink)

    def ink_on(self, ground: str) -> str:
        """An ink that stands off from this ground."""
        behind = np.array(list(bytes.fromhex(ground[1:])), float)
        while not _stands_off(ink := self._colour(), behind):
            pass
        return hex_code(ink)

    def patch(self, probability: float, ink: str) -> tuple[str | None, str]:
        """With this probability a ground of its own with an ink for it, else none with `ink`."""
        return self.colours() if self.chance(probability) else (None, ink)

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

    def canvas(self, face: Spec, **changes: Any) -> Spec:
        """A sheet for what is placed by coordinates: without margins, header and footer."""
        return self.sheet(face, margin=[0, 0, 0, 0], header=None, footer=None, **changes)

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
                fill=self.pick([None, hex_code(self.rng.uniform(0, 255, 3))]),
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
            "stroke": hex_code(self.rng.uniform(0, 140, 3)),
            "width": self.uniform(0.3, 1.8),
            "dash": self.pick([None, None, None, "dotted", "dashed"]),
        } | values

    # ---------------------------------------------------------------- what several kinds share

    def fit(self, make: Callable[[], Any], height: Callable[[Any], float], spec: Spec) -> list[Any]:
        """As many things as about fill the page or a part of it; `height` guesses that of each."""
        room = (spec["height"] - spec["margin"][1] - spec["margin"][3]) * self.uniform(0.4, 0.85)
        things = [make()]
        while (room := room - height(things[-1])) > 0:
            things.append(make())
        return things if room > 0 or len(things) == 1 else things[:-1]

    def price(self) -> str:
        """As receipts and price lists have it."""
        value = f"{10 ** self.rng.uniform(-0.3, 3):.2f}"
        return (
            self.pick(["", "", "", "RM ", "$", "€", "£"])
            + value
            + self.pick(["", "", "", "", " S", " SR", " A", "*", "-"])
        )

    def paragraph(self) -> Spec:
        """Prose, or one item of a list."""
        bullet = self.chance(0.15)
        text = self.text.paragraph(1 if bullet else None)
        return {
            "kind": "bullet" if bullet else "prose",
            "text": text,
            "runs": self.runs(text),
            "sign": self.pick(["•", "-", "–", "*", "·", "1.", "a)", "(i)", "§", "+"]),
        }

    def runs(self, text: str, marks: Sequence[str] = MARKS) -> list[Spec]:
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

    def grid(self, rows: int, columns: int) -> tuple[list[list[str]], list[float], list[str]]:
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


def shorten(text: str, longest: int) -> str:
    """Whole words of the text, as many as fit."""
    if len(text) <= longest:
        return text
    return text[: max(longest, 0) + 1].rpartition(" ")[0] or text[: max(longest, 0)]


def hex_code(colour: np.ndarray) -> str:
    """A colour (3,), 0 to 255, as typst writes it."""
    return "#" + "".join(f"{int(c):02x}" for c in np.clip(colour, 0, 255))


def _stands_off(ink: np.ndarray, ground: np.ndarray) -> bool:
    return abs(_luma(ink) - _luma(ground)) > 75


def _luma(colour: np.ndarray) -> float:
    return float(colour @ np.array([0.3, 0.59, 0.11]))
