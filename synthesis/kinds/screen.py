"""Screenshots and slides: panels in colours."""

from synthesis.page_maker import PageMaker, Spec, shorten


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    width, height = maker.pick([(960, 540), (800, 600), (1024, 640), (400, 800), (640, 480)])
    paper, ink = maker.colours()
    face = maker.face(maker.size(9, 16), fill=ink, plain=True)
    base = maker.face(12, look=maker.pick(["common", "any"]))
    panels = []
    rows, columns = maker.count(1, 4), maker.count(1, 4)
    for i in range(rows):
        for j in range(columns):
            if maker.chance(0.15):
                continue
            panels.append(
                _panel(
                    maker,
                    j * width / columns,
                    i * height / rows,
                    width / columns,
                    height / rows,
                    base,
                    (paper, ink),
                )
            )
    return maker.canvas(
        face,
        width=width,
        height=height,
        paper=paper,
        under=maker.ornaments(width, maker.uniform(0, 0.9) * height, 40)
        if maker.chance(0.3)
        else [],
        over=[],
        justify=False,
        hyphenate=False,
    ) | {"panels": panels}


def _panel(
    maker: PageMaker, x: float, y: float, w: float, h: float, base: Spec, colours: tuple[str, str]
) -> Spec:
    fill, ink = maker.patch(0.5, colours[1])
    size = maker.size(7, 30)
    face = (
        maker.like(base, size=size, fill=ink) if maker.chance(0.6) else maker.face(size, fill=ink)
    )
    inset = maker.uniform(4, 20)
    room = h - 2 * inset - 6
    lines: list[Spec] = []
    longest = max(3, int((w - 2 * inset) / (size * (0.66 + face["tracking"]))))
    while room > 2 * size and len(lines) < 14:
        text = maker.pick(
            [maker.text.phrase, maker.text.sentence, maker.text.label, maker.text.field_value]
        )()
        text = shorten(text, longest)
        chip, chip_ink = maker.patch(0.12, ink)
        lines.append({"face": maker.like(face, fill=chip_ink), "text": text, "chip": chip})
        room -= 1.75 * size + (0.7 * size if chip else 0)
        if maker.chance(0.15):
            break
    return maker.shape(
        "rect",
        x + 3,
        y + 3,
        w=w - 6,
        h=h - 6,
        fill=fill,
        r=maker.pick([0, 0, 6, 12]),
        stroke=maker.pick([None, None, ink]),
    ) | {"inset": inset, "lines": lines, "at": maker.pick(["left", "left", "center"])}
