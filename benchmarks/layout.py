"""Reading order alone: true words of typeset pages, arranged, against the text as it was typeset.

    uv run --with rapidfuzz benchmarks/layout.py --kind columns --pages 100

The words' texts and quads are the true ones, so that every error is one of the order. Reported is
the character error rate of the page's text, blanks and line breaks alike.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import pypdfium2
from rapidfuzz.distance import Levenshtein

from ocr_pipeline import layout
from ocr_pipeline.overlay import draw_overlay
from ocr_pipeline.results import Page, Word, as_quad
from synthesis.pdf import render_page
from synthesis.typeset import KINDS, typeset


def main() -> None:
    """Typeset pages, arrange their words, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=KINDS, default="columns")
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--worst", type=Path, help="write pictures of the worst pages here")
    args = parser.parse_args()

    errors = total = 0
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        for path in typeset(out=folder, pages=args.pages, seed=args.seed, kinds={args.kind: 1.0}):
            for sheet in pypdfium2.PdfDocument(path):
                page = render_page(sheet, 100)
                hidden = sum(bool(w.get("ignore")) for w in page["words"])
                if hidden > len(page["words"]) / 100:
                    continue  # what is hidden, or too small to be seen, may break its line
                words = [
                    Word(text=w["text"], confidence=1, quad=as_quad(w["quad"]), detection_score=1)
                    for w in page["words"]
                    if w["text"] and not w.get("ignore")
                ]
                if not words:
                    continue
                truth = " ".join(word.text for word in words)
                blocks = layout.arrange(words)
                text = " ".join(line.text for block in blocks for line in block.lines)
                distance = Levenshtein.distance(truth, text)
                errors += distance
                total += len(truth)
                rates.append((distance / len(truth), page["image"], blocks))
    rates.sort(key=lambda row: -row[0])
    print(
        f"{len(rates)} pages of kind {args.kind}: CER {100 * errors / total:.2f} %, median "
        f"{100 * statistics.median(rate for rate, _, _ in rates):.2f} %, without any error "
        f"{sum(rate == 0 for rate, _, _ in rates)}"
    )
    if args.worst:
        from PIL import Image

        args.worst.mkdir(parents=True, exist_ok=True)
        for k, (rate, image, blocks) in enumerate(rates[:6]):
            page = Page(index=0, width=1, height=1, blocks=tuple(blocks))
            overlay = Image.fromarray(draw_overlay(image, page))
            overlay.save(args.worst / f"{k}-{100 * rate:.1f}.png")


if __name__ == "__main__":
    main()
