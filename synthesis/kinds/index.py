"""Indexes and lists: entries with a number at the end of the line."""

from synthesis.page_maker import PageMaker, Spec, shorten


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark()
    face = maker.face(maker.size(6, 12), fill=fill, plain=True)
    bold = maker.like(face, weight=700)
    title_face, title = maker.title(face["size"], fill)
    columns = maker.pick([1, 1, 2, 2, 3])
    spec = maker.sheet(face, hyphenate=False, justify=False)
    rows = int(spec["height"] / face["size"] / 1.6 * columns * maker.uniform(0.4, 1))
    tail = maker.pick(
        [
            maker.text.number,
            lambda: str(maker.count(1, 999)),
            maker.price,
            maker.text.code,
            lambda: "",
        ]
    )
    return spec | {
        "title": title,
        "title_face": title_face,
        "title_at": maker.pick(["left", "center"]),
        "columns": columns,
        "leader": maker.pick([".", ".", ".", "", ",", "-", "_", "·"]),
        "leader_gap": maker.pick([0, 1, 2, 4]),
        "entries": [
            {
                "indent": maker.pick([0, 0, 0, 1, 2]),
                "face": bold if maker.chance(0.15) else face,
                "text": shorten(
                    maker.pick([maker.text.heading, maker.text.phrase, maker.text.name])(),
                    int(60 / columns),
                ),
                "tail": tail(),
            }
            for _ in range(rows)
        ],
    }
