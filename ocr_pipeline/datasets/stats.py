"""Figures of labelled folders: how much there is, how large it is, and of which characters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ocr_pipeline.labels import LabelError, read_records
from recognition.codec import normalize
from recognition.crops import quad_size

#: Letters beyond a-z of the languages that the shipped charset serves.
ACCENTS = {
    "Danish, Norwegian": "æøå",
    "Dutch": "éëïóöü",
    "Finnish, Swedish": "åäö",
    "French": "àâæçéèêëîïôœùûüÿ",
    "German": "äöüß",
    "Icelandic": "áéíóúýðþæö",
    "Italian": "àèéìòù",
    "Portuguese": "ãáâàçéêíõóôú",
    "Spanish": "áéíóúüñ¿¡",
}


def stats(paths: Iterable[Path]) -> dict[str, Any]:
    """Figures of one or more label files, as JSON values; no picture is looked at.

    Sizes are in pixels, along and across the reading direction; they, the characters and the
    lengths are of words that are not ignored. Characters are counted after normalisation.

    Raises:
        LabelError: a label file is missing, or a line is no label record.
    """
    pages = ignored = 0
    texts: list[str] = []
    sizes: list[tuple[float, float]] = []
    for path in paths:
        for _, record in read_records(path):
            if isinstance(record, LabelError):
                raise record
            pages += 1
            kept = [word for word in record["words"] if not word.get("ignore")]
            ignored += len(record["words"]) - len(kept)
            texts += [normalize(word["text"]) for word in kept]
            sizes += [quad_size(np.asarray(word["quad"], np.float64)) for word in kept]
    characters = Counter("".join(texts))
    words = len(texts) + ignored
    return {
        "pages": pages,
        "words": words,
        "ignored": ignored,
        "ignored_share": round(ignored / words, 4) if words else 0.0,
        "different_texts": len(set(texts)),
        "characters": characters.total(),
        "length": _quantiles([len(text) for text in texts]),
        "height": _quantiles([height for _, height in sizes]),
        "width": _quantiles([width for width, _ in sizes]),
        "charset": dict(characters.most_common()),
        "accents": {
            language: {
                letter: characters[letter] + characters[letter.upper()] for letter in letters
            }
            for language, letters in ACCENTS.items()
        },
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    names = {"least": 0, "5 %": 5, "median": 50, "95 %": 95, "most": 100}
    found = np.percentile(values, list(names.values())) if values else [0.0] * len(names)
    return {name: round(float(value), 1) for name, value in zip(names, found, strict=True)}


def to_text(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        f"{'pages':16}  {figures['pages']}",
        f"{'words':16}  {figures['words']}, of them {figures['different_texts']} different",
        f"{'ignored':16}  {figures['ignored']} ({100 * figures['ignored_share']:.1f} %)",
        f"{'characters':16}  {figures['characters']}, {len(figures['charset'])} different",
        "",
        " " * 16 + "".join(f"{name:>10}" for name in figures["length"]),
    ]
    for title in ("length", "height", "width"):
        lines.append(f"{title:16}" + "".join(f"{v:10g}" for v in figures[title].values()))
    lines += ["", "characters, the most frequent first"]
    counts = [f"{symbol!r:.8} {count}" for symbol, count in figures["charset"].items()]
    lines += ["  " + "  ".join(counts[k : k + 10]) for k in range(0, len(counts), 10)]
    lines += ["", "letters beyond a-z, both cases together"]
    for language, letters in figures["accents"].items():
        found = "  ".join(f"{letter} {count}" for letter, count in letters.items() if count)
        missing = "".join(letter for letter, count in letters.items() if not count)
        if found:
            missing = f"; none of {missing}" if missing else ""
            lines.append(f"  {language:18} {found}{missing}")
    return "\n".join(lines) + "\n"
