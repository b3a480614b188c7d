"""Words of one's own, in any alphabet."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    fill = maker.dark()
    spec = maker.sheet(
        maker.face(10, look="any", fill=fill), header=None, footer=None, hyphenate=False
    )
    _, above, _, below = spec["margin"]
    room = spec["height"] - above - below
    lines: list[Spec] = []
    while room > 0:
        # Letters of joined scripts cannot be set apart.
        face = maker.face(maker.size(7, 26), look="any", fill=fill)
        face = maker.like(face, tracking=0, small_caps=False)
        text = " ".join(maker.many(2, 12, lambda: maker.pick(maker.own_words)))
        lines.append({"face": face, "text": text})
        room -= 2 * face["size"]
    return spec | {"lines": lines}
