"""Letters, typed or printed, and invoices."""

from synthesis.page_maker import PageMaker, Spec


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    typed = maker.chance(0.45)
    fill = maker.pick(["#000000", "#222222", "#000033"]) if typed else maker.dark()
    face = maker.face(maker.size(8, 13), look="typewriter" if typed else "", fill=fill, plain=True)
    title_face, title = maker.title(face["size"], fill)
    head_face = maker.face(maker.size(8, 26), fill=maker.dark())
    small = maker.like(head_face, size=max(6, head_face["size"] * 0.5))
    head = [{"face": head_face, "text": maker.text.company()}]
    head += [{"face": small, "text": text} for text in [*maker.text.address(), maker.text.phone()]]
    invoice = not typed and maker.chance(0.45)
    spec = maker.sheet(face, hyphenate=not typed and maker.chance(0.3))
    if typed:
        spec |= {"leading": maker.uniform(0.3, 1.6), "justify": False}
    rows, columns, aligns = (
        maker.grid(maker.count(3, 14), maker.count(3, 6)) if invoice else ([], [], [])
    )
    head_fill, head_ink = maker.patch(0.4, fill)
    return spec | {
        "head": head if maker.chance(0.6) else [],
        "head_at": maker.pick(["left", "center", "right"]),
        "head_rule": maker.chance(0.4),
        "space": maker.uniform(5, 40),
        "address": [maker.text.name(), *maker.text.address()] if maker.chance(0.7) else [],
        "facts": maker.many(0, 5, lambda: [maker.text.label(), maker.text.field_value()]),
        "label_face": maker.like(face, weight=700) if maker.chance(0.3) else face,
        "fill_face": face,
        "title_face": title_face,
        "subject": title if maker.chance(0.6) else "",
        "paragraphs": maker.many(1, 3, maker.paragraph)
        if invoice
        else maker.fit(
            maker.paragraph,
            lambda p: (
                (1 + len(p["text"]) * 0.55 * face["size"] / (spec["width"] - 120))
                * face["size"]
                * (0.75 + spec["leading"])
            ),
            spec | {"height": spec["height"] - 150},
        ),
        "rows": rows,
        "columns": columns,
        "aligns": aligns,
        "ruling": maker.pick(["all", "rows", "none"]),
        "head_fill": head_fill,
        "head_face": maker.like(face, fill=head_ink, weight=700),
        "totals": maker.many(1, 4, lambda: [maker.text.label() + ":", maker.text.amount()]),
        "close": [maker.text.sentence(3), "", maker.text.name()] if maker.chance(0.7) else [],
    }
