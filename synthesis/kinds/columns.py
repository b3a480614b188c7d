"""Prose, headings and pictures in one to four columns."""

from synthesis.page_maker import PageMaker, Spec, hex_code


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark() if maker.chance(0.3) else "#000000"
    face = maker.face(maker.size(5, 12.5), fill=fill, plain=True)
    columns = int(maker.rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
    title_face, title = maker.title(1.5 * face["size"], fill)
    spec = maker.sheet(
        face,
        justify=maker.chance(0.7),
        hyphenate=maker.chance(0.6),
        leading=maker.uniform(0.25, 0.75),
    )
    area = (spec["width"] - spec["margin"][0] - spec["margin"][2]) * (
        spec["height"] - spec["margin"][1] - spec["margin"][3]
    )
    room = 0.75 * area / (0.5 * face["size"] * face["size"] * (0.75 + spec["leading"]))
    blocks: list[Spec] = []
    while room > 0:
        block = _block(maker, face, fill, spec["width"] / columns)
        blocks.append(block)
        room -= (
            len(block["text"])
            + (block.get("h", 0) * spec["width"] / columns) / face["size"] ** 2 / 0.6
        )
    return spec | {
        "columns": columns,
        "gutter": maker.uniform(1.2, 3),
        "blocks": blocks,
        "title": title if maker.chance(0.5) else "",
        "title_face": title_face,
        "title_at": maker.pick(["left", "center"]),
        "title_rule": maker.chance(0.3),
        "notes": maker.many(0, 2, maker.text.sentence) if maker.chance(0.3) else [],
    }


def _block(maker: PageMaker, face: Spec, fill: str, width: float) -> Spec:
    share = maker.rng.random()
    if share < 0.13:
        head, text = maker.title(face["size"], fill)
        return {
            "kind": "heading",
            "at": maker.pick(["left", "center"]),
            "face": head,
            "text": text,
        }
    if share < 0.17:
        shapes: list[Spec] = []
        for _ in range(maker.count(2, 8)):
            shapes += maker.pick([maker.logo, maker.signature, maker.halftone])(
                maker.uniform(0, 0.8) * width, maker.uniform(0, 60), maker.uniform(20, 80)
            )
        return {
            "kind": "picture",
            "h": maker.uniform(40, 130),
            "shapes": shapes,
            "fill": hex_code(maker.rng.uniform(90, 255, 3)),
            "text": maker.text.sentence(),
        }
    if share < 0.2:
        quote = maker.like(face, style="italic", size=0.95 * face["size"])
        return {"kind": "quote", "face": quote, "text": maker.text.paragraph()}
    return maker.paragraph()
