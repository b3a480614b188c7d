"""Signs and labels: few words, of any size."""

from synthesis.corpus import capitals
from synthesis.page_maker import PageMaker, Spec, shorten


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    width, height = maker.uniform(250, 900), maker.uniform(200, 900)
    paper, ink = maker.colours()
    if maker.chance(0.25):
        paper, ink = "#ffffff", "#000000"
    face = maker.face(10, fill=ink)
    lines: list[Spec] = []
    y = maker.uniform(5, 40)
    turn = maker.uniform(-8, 8) if maker.chance(0.2) else 0
    while y < height - 20:
        size = maker.size(6, 130) if maker.chance(0.6) else maker.size(8, 30)
        chip, chip_ink = maker.patch(0.15, ink)
        row = maker.face(
            size,
            look=maker.pick(["any", "any", "common", "capitals", "narrow", "hand", "wide"]),
            fill=chip_ink,
            heavy=maker.chance(0.4),
        )
        if maker.chance(0.15):  # letters set wide apart, and words wider still
            row |= {"tracking": maker.uniform(0.15, 0.6), "spacing": maker.uniform(250, 400)}
        text = maker.pick(
            [
                maker.text.phrase,
                maker.text.phrase,
                maker.text.heading,
                maker.text.number,
                maker.text.amount,
                maker.text.company,
                maker.text.phone,
                maker.text.url,
                maker.text.code,
                maker.text.sentence,
            ]
        )()
        if row["capitals"] or maker.chance(0.45):
            text = capitals(text)
        x = maker.uniform(0.02, 0.4) * width
        text = shorten(text, int((width - x) / (size * (0.7 + row["tracking"]))))
        if text and y + 1.5 * size < height:
            lines.append(
                {
                    "x": x,
                    "y": y,
                    "turn": turn,
                    "face": row,
                    "text": text,
                    "chip": chip,
                    "r": maker.pick([0, 4]),
                }
            )
        y += (
            1.35 * size
            + maker.uniform(2, 30)
            + (0.5 * size if chip else 0)
            + 0.14 * abs(turn) / 8 * width
        )
    return maker.canvas(
        face,
        width=width,
        height=height,
        paper=paper,
        under=maker.drawings(width, height, clear=lines),
        over=[],
    ) | {"lines": lines}
