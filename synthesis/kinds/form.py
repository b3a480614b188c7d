"""Forms: labels with lines, boxes, leaders or boxes to tick, some of them filled in."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark()
    face = maker.face(maker.size(6, 13), fill=fill, plain=True)
    spec = maker.sheet(face, justify=False)
    label_face = face if maker.chance(0.6) else maker.face(maker.size(5.5, 11), fill=fill)
    pen = fill if maker.chance(0.6) else maker.pick(["#1a237e", "#26408b", "#333333", "#5b2333"])
    fill_look = str(
        maker.rng.choice(["typewriter", "hand", "common", "any"], p=[0.5, 0.2, 0.15, 0.15])
    )
    fill_face = maker.face(face["size"] * maker.uniform(0.9, 1.4), look=fill_look, fill=pen)
    title_face, title = maker.title(face["size"], fill)
    style = maker.pick(["line", "box", "leader", "colon", "any", "any", "comb"])
    return spec | {
        "title": title,
        "title_face": title_face,
        "title_rule": maker.chance(0.3),
        "title_at": maker.pick(["left", "center", "center", "right"]),
        "label_face": label_face,
        "fill_face": fill_face,
        "sections": maker.fit(
            lambda: _section(maker, face, fill, style),
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


def _section(maker: PageMaker, face: Spec, fill: str, style: str) -> Spec:
    columns = int(maker.rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))
    panel, head_fill = (None, fill)
    if maker.chance(0.25):
        panel, head_fill = maker.colours() if maker.chance(0.5) else ("#000000", "#ffffff")
    return {
        "space": maker.uniform(4, 24),
        "heading": maker.text.heading() if maker.chance(0.7) else "",
        "face": maker.like(
            face, size=face["size"] * maker.uniform(0.9, 1.5), weight=700, fill=head_fill
        ),
        "panel": panel,
        "columns": columns,
        "framed": maker.chance(0.25),
        "pitch": maker.uniform(0.3, 1.6),
        "prose": maker.text.paragraph() if maker.chance(0.3) else "",
        "fields": maker.many(2, 5 * columns + 2, lambda: _field(maker, style, columns)),
    }


def _field(maker: PageMaker, style: str, columns: int) -> Spec:
    if style == "any":
        style = maker.pick(["line", "box", "leader", "colon", "ticks", "ticks"])
    if style == "comb" and columns > 2:
        style = "box"
    label = maker.text.label() + maker.pick([":", ":", "", ".", " :"])
    value = maker.text.field_value() if maker.chance(0.75) else ""
    if style == "comb":
        value = maker.text.code().replace(" ", "")[:10]
    return {
        "style": style,
        "label": label,
        "value": value,
        "drop": maker.uniform(0.5, 3),
        "below": maker.chance(0.5),
        "dot": maker.pick([".", ".", "_", "-", " ."]),
        "options": _ticks(maker) if style == "ticks" else [],
    }


def _ticks(maker: PageMaker) -> list[Spec]:
    """Boxes to tick, alike on one line; some are ticked, by pen or by typewriter."""
    side, width = maker.uniform(0.6, 1.4), maker.uniform(0.3, 2)
    return maker.many(
        2,
        4,
        lambda: {
            "text": maker.text.phrase()[:14].strip(),
            "side": side,  # em
            "width": width,
            "mark": maker.pick(["", "", "", "cross", "X", "x"]),
        },
    )
