"""Tables."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark()
    face = maker.face(maker.size(5, 11), fill=fill, plain=True)
    title_face, _ = maker.title(face["size"], fill)
    spec = maker.sheet(face, justify=False, hyphenate=False, par_spacing=0.8)
    return spec | {
        "title_face": title_face,
        "tables": maker.fit(
            lambda: _one_table(maker, face, fill),
            lambda t: 40 + len(t["rows"]) * (2 * t["inset"][1] + 1.6 * face["size"]),
            spec,
        ),
    }


def _one_table(maker: PageMaker, face: Spec, fill: str) -> Spec:
    columns = maker.count(2, 7)
    rows, shares, aligns = maker.grid(maker.count(3, 30), columns)
    head_fill, head_ink = maker.patch(0.4, fill)
    return {
        "title": maker.text.heading() if maker.chance(0.6) else "",
        "title_at": maker.pick(["left", "center"]),
        "line": maker.pick([fill, "#888888", "#bbbbbb"]),
        "columns": shares,
        "aligns": aligns,
        "head": rows[0],
        "rows": rows[1:],
        "inset": [face["size"] * maker.uniform(0.25, 0.8), maker.uniform(1, 5)],
        "ruling": maker.pick(["all", "all", "rows", "columns", "none"]),
        "head_fill": head_fill,
        "head_face": maker.like(face, fill=head_ink, weight=maker.pick([face["weight"], 700])),
        "stripe": maker.pick([None, None, "#eeeeee", "#e3ecf7", "#fff4dd"]),
        "note": maker.text.sentence() if maker.chance(0.4) else "",
    }
