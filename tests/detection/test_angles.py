"""The shipped detector on text at any angle."""

import numpy as np
import pypdfium2
import pytest
import torch
import typst

from detection.geometry import as_quads
from detection.metrics import match
from ocr_pipeline.weights import load_detector
from synthesis.degrade import turned
from synthesis.pdf import render_page

PAGE = """
#set page(width: 300pt, height: 220pt, margin: 12pt)
#set text(font: "DejaVu Sans Mono", size: 8pt)
#for i in range(12) [Seventeen readers of page #i found words (at any angle) by 1964. \\ ]
"""


@pytest.fixture(scope="module")
def detector():
    return load_detector(None, torch.device("cpu"))


@pytest.fixture(scope="module")
def page():
    """Print with wide spaces, and its words' quads."""
    pdf = pypdfium2.PdfDocument(typst.compile(PAGE.encode(), ignore_system_fonts=True))
    return render_page(pdf[0], 150)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 180, 270, 330])
def test_words_at_any_angle_are_framed(detector, page, degrees):
    askew = turned(page, degrees)
    quads = as_quads([word["quad"] for word in askew["words"]])
    (found,) = detector.detect([askew["image"]])
    pairs = match(quads, found.quads).pairs
    assert len(pairs) >= 0.95 * len(quads)
    assert len(pairs) >= 0.85 * len(found)
    if degrees % 90 == 45:
        return
    # A quad starts where its text would, were it turned by less than 45 degrees.
    quarters = round(degrees / 90)
    true, guess = quads[pairs[:, 0]], np.roll(found.quads[pairs[:, 1]], -quarters, axis=1)
    sides = np.linalg.norm(quads[:, 1:3] - quads[:, :2], axis=2).mean()
    assert np.median(np.linalg.norm(true[:, 0] - guess[:, 0], axis=1)) < 0.2 * sides
