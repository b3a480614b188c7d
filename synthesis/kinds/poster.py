"""Posters and shop windows: display lettering of very different sizes, packed tight."""

from synthesis.corpus import capitals
from synthesis.page_maker import PageMaker, Spec, shorten


def draw(maker: PageMaker) -> Spec:
    """The specification of one: blocks whose rows are all as wide as their block."""
    width, height = maker.uniform(300, 900), maker.uniform(300, 900)
    paper, ink = maker.colours()
    blocks, x = [], maker.uniform(5, 40)
    while x < width - 60:
        block_width = min(maker.uniform(60, 400), width - x - 10)
        rows: list[Spec] = []
        top = y = maker.uniform(5, 60)
        look = maker.pick(["any", "common", "narrow", "wide", "capitals"])
        while y < height - 20 and len(rows) < 9:
            row = _row(maker, ink, look)
            row["tallest"] = min(maker.uniform(0.12, 0.6) * block_width, height - y)
            rows.append(row)
            y += row["tallest"] * (1 + row["below"])
        turn = maker.uniform(-8, 8) if maker.chance(0.2) else 0
        blocks.append({"x": x, "y": top, "width": block_width, "rows": rows, "turn": turn})
        x += block_width + maker.uniform(15, 60) + 0.14 * abs(turn) / 8 * height
    return maker.canvas(maker.face(10, fill=ink), width=width, height=height, paper=paper,
                        under=[], over=[]) | {"blocks": blocks}  # fmt: skip


def _row(maker: PageMaker, ink: str, look: str) -> Spec:
    """One to three cells side by side: a large word or two, or some small ones in lines."""
    chip, ink = maker.patch(0.15, ink)
    cells: list[Spec] = []
    for _ in range(maker.pick([1, 1, 2, 2, 3])):
        face = maker.face(
            maker.size(14, 60), look=look if maker.chance(0.7) else "any", fill=ink,
            heavy=maker.chance(0.7),
        )  # fmt: skip
        face |= {"tracking": maker.uniform(-0.05, 0.05), "spacing": maker.uniform(60, 110)}
        upper = face["capitals"] or maker.chance(0.5)
        lines = maker.pick([1, 1, 1, 2, 3])
        if lines > 1:
            face["size"] = round(face["size"] * maker.uniform(0.3, 0.6), 1)
        texts = []
        for _ in range(lines):
            text = maker.pick(
                [
                    maker.text.word,
                    maker.text.word,
                    maker.text.word,
                    maker.text.heading,
                    maker.text.percent,
                    maker.text.amount,
                    lambda: str(maker.count(1, 99)),
                ]
            )()
            text = shorten(text, maker.pick([8, 8, 16]))
            texts.append(capitals(text) if upper else text)
        # Small letters hang below the line: theirs need more room.
        leading = maker.uniform(0.08, 0.3) + (0 if upper else 0.15)
        cells.append({"face": face, "texts": texts, "leading": leading})
    return {
        "cells": cells,
        "gap": maker.uniform(2, 12),
        "below": max(cell["leading"] for cell in cells) * maker.uniform(0.8, 2),
        "chip": chip,
    }
