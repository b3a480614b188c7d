"""Pages of books: prose in one column under a running head."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark() if maker.chance(0.2) else "#000000"
    look = maker.pick(["common", "text"])
    face = maker.face(maker.size(8, 13), look=look, fill=fill, plain=True)
    face = maker.like(face, tracking=0, small_caps=False, old_style=maker.chance(0.4))
    head = maker.like(face, size=0.9 * face["size"], small_caps=maker.chance(0.6))
    chapter = maker.like(face, size=face["size"] * maker.uniform(1, 1.6))
    number = str(maker.count(1, 640))
    spec = maker.sheet(
        face,
        small=head,
        width=maker.uniform(270, 430),
        height=maker.uniform(430, 640),
        margin=[maker.uniform(25, 60) for _ in range(4)],
        justify=maker.chance(0.85),
        hyphenate=maker.chance(0.8),
        leading=maker.uniform(0.35, 0.8),
        par_spacing=maker.uniform(0.4, 0.9),
        indent=maker.uniform(1, 2.5),
        header=maker.pick([number, f"{maker.text.heading()}     {number}", maker.text.heading()]),
        footer=maker.pick([None, None, number]),
    )

    def paragraph() -> Spec:
        text = " ".join(maker.many(1, 7, maker.text.told))
        return {"kind": "prose", "text": text, "runs": maker.runs(text, ["italic", ""])}

    wide = spec["width"] - spec["margin"][0] - spec["margin"][2]
    line = (0.75 + spec["leading"]) * face["size"]
    return spec | {
        "columns": 1,
        "gutter": 1,
        "blocks": maker.fit(
            paragraph,
            lambda block: (1 + 0.5 * len(block["text"]) * face["size"] / wide) * line,
            spec,
        ),
        "title": maker.text.heading() if maker.chance(0.3) else "",
        "title_face": chapter,
        "title_at": "center",
        "title_rule": maker.chance(0.2),
        "notes": maker.many(1, 2, maker.text.told) if maker.chance(0.25) else [],
    }
