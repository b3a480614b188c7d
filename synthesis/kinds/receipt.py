"""Receipts: a narrow strip with items, prices and totals."""

from synthesis.corpus import capitals
from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    look = str(
        maker.rng.choice(
            ["mono", "typewriter", "narrow", "common", "any"], p=[0.3, 0.25, 0.12, 0.18, 0.15]
        )
    )
    face = maker.face(
        maker.size(6.5, 11),
        look=look,
        fill=maker.pick(["#000000", "#222222", "#333366"]),
        plain=True,
    )
    face["tracking"] = 0
    size = face["size"]
    at = maker.pick(["center", "center", "left"])

    def big() -> Spec:
        changes = {"size": size * maker.uniform(1, 1.7), "weight": maker.pick([400, 700])}
        if maker.chance(0.5):  # double width, double height
            changes = {"widen": maker.pick([1, 1, 1.5, 2]), "heighten": maker.pick([1.4, 1.7, 2])}
        return maker.like(face, **changes)

    def line(text: str) -> Spec:
        return {"at": at, "text": text, "face": big() if maker.chance(0.3) else face}

    head = [line(maker.text.company())] + [line(part) for part in maker.text.address()]
    head += maker.many(
        0, 3, lambda: line(maker.pick([maker.text.phone, maker.text.code, maker.text.url])())
    )
    head += [line(capitals(maker.text.heading()))] if maker.chance(0.6) else []
    upper = maker.chance(0.6)
    case = capitals if upper else str
    names = [
        "Subtotal",
        "Total",
        "TOTAL AMOUNT",
        "Cash",
        "Change",
        "GST 6%",
        "Rounding adj.",
        "Tax",
        "VAT 20%",
        "Discount",
        "Visa",
        "Net",
        "Total Qty",
        "MwSt 19%",
        "Rabatt",
    ]
    aligned = maker.chance(0.3)  # colons in a column of their own
    margin = maker.uniform(6, 24)
    return maker.sheet(
        face,
        width=maker.uniform(165, 330),
        height=None,
        header=None,
        footer=None,
        margin=[margin, maker.uniform(10, 40), margin, maker.uniform(10, 60)],
        over=[],
        justify=False,
        leading=maker.uniform(0.25, 0.7),
        hyphenate=False,
    ) | {
        "head": head,
        "colon": ":" if aligned else "",
        "facts_at": maker.pick(["left", "right"]),
        "facts": maker.many(
            1,
            5,
            lambda: [
                case(maker.text.label()) + ("" if aligned else maker.pick([":", "", " :"])),
                maker.text.field_value()[:22],
            ],
        ),
        "divider": maker.pick(["-", "=", "*", "", "", ".", "_", "- "]),
        "stacked": maker.chance(0.35),
        "items": maker.many(
            2,
            16,
            lambda: {
                "name": case(maker.text.words(maker.count(1, 4))),
                "code": maker.text.code(),
                "quantity": maker.pick(
                    [
                        f"{maker.count(1, 12)}",
                        f"{maker.count(1, 9)} x",
                        f"{maker.count(1, 9)} @ {maker.text.number()}",
                    ]
                ),
                "price": maker.price(),
            },
        ),
        "totals_at": maker.pick(["left", "right"]),
        "totals": maker.many(
            1,
            5,
            lambda: {
                "name": case(maker.pick(names)) + ("" if aligned else maker.pick(["", ":"])),
                "value": maker.price(),
                "face": big() if maker.chance(0.3) else face,
            },
        ),
        "foot": maker.many(
            1,
            5,
            lambda: line(
                maker.pick(
                    [
                        maker.text.sentence,
                        maker.text.heading,
                        maker.text.date,
                        maker.text.url,
                        maker.text.code,
                    ]
                )()
            ),
        ),
    }
