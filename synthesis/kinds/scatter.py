"""Single words and signs scattered over a page."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark()
    face = maker.face(10, fill=fill)
    spec = maker.canvas(face)
    width, height = spec["width"], spec["height"]
    base = maker.size(6, 22)
    turned = maker.chance(0.25)
    lines: list[Spec] = []
    y = 10.0
    while y < height - 4 * base:
        x, tallest = maker.uniform(5, 0.4 * width), base
        while x < width:
            size = min(
                base * maker.uniform(0.8, 1.3) if maker.chance(0.8) else maker.size(5, 40), 40
            )
            text = maker.pick(
                [
                    maker.text.sign,
                    maker.text.sign,
                    maker.text.random_string,
                    maker.text.word,
                    maker.text.code,
                    maker.text.amount,
                    maker.text.number,
                    maker.text.random_string,
                ]
            )()
            row = maker.face(size, fill=fill if maker.chance(0.9) else maker.dark())
            long = size * (0.75 + row["tracking"]) * len(text) + 2
            if x + long > width:
                break
            turn = maker.pick([0, 90]) if turned else 0
            if turn:
                tallest = max(tallest, long)
            boxed = maker.chance(0.1)
            lines.append(
                maker.shape(
                    "text", x + (1.2 * size if turn else 0), y, stroke=fill if boxed else None
                )
                | {
                    "turn": turn,
                    "face": row,
                    "text": text,
                    "inset": maker.uniform(0.5, 3) if boxed else 0,
                }
            )
            tallest = max(tallest, size)
            x += (1.5 * size if turn else long) + maker.pick(
                [0.25 * size + 2, maker.size(4, 0.4 * width)]
            )
        y += 1.5 * tallest + maker.pick([0, 3, maker.size(2, 60)])
    return spec | {"lines": lines}
