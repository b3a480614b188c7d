import logging
from itertools import islice

import numpy as np
import pytest

from synthesis.contact_sheet import page_sheet, word_sheet
from synthesis.pages import PdfPages, find_pdfs


@pytest.fixture
def folder(make_pdf, tmp_path):
    for name, text in (("one", "Letters and figures 123"), ("two", "#lorem(40)")):
        make_pdf(f"#set text(size: 11pt)\n{text}", name=name)
    return tmp_path


def test_a_seed_fixes_the_stream(folder):
    first, again, other = (
        list(islice(PdfPages(folders=[folder], seed=seed), 8)) for seed in (1, 1, 2)
    )
    for a, b in zip(first, again, strict=True):
        assert a["name"] == b["name"]
        np.testing.assert_array_equal(a["image"], b["image"])
    assert any(a["image"].shape != c["image"].shape for a, c in zip(first, other, strict=True))
    assert {page["name"] for page in first + other} == {"one-p0", "two-p0"}


def test_sizes_are_bounded(folder):
    for page in islice(PdfPages(folders=[folder], max_side=300, strength=0), 6):
        assert max(page["image"].shape) <= 300
    for page in islice(PdfPages(folders=[folder], crop=128, strength=0), 6):
        assert max(page["image"].shape) <= 128
        assert any(not word["ignore"] for word in page["words"])


def test_text_heights_range(folder):
    pages = PdfPages(folders=[folder], text_height=(12, 40), strength=0)
    heights = [
        np.median([np.hypot(*(w["quad"][3] - w["quad"][0])) for w in page["words"]])
        for page in islice(pages, 30)
    ]
    assert min(heights) > 11
    assert max(heights) < 42
    assert max(heights) > 2 * min(heights)


def test_broken_pdfs_are_named_once_and_left_out(folder, caplog):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    with caplog.at_level(logging.WARNING, logger="synthesis.pages"):
        list(islice(PdfPages(folders=[folder], seed=5), 25))
    assert [record.getMessage().count("broken.pdf") for record in caplog.records] == [1]


def test_no_pdfs(tmp_path):
    with pytest.raises(FileNotFoundError, match="ocr-synth typeset"):
        PdfPages(folders=[tmp_path])


def test_find_pdfs_takes_files_and_leaves_out(folder):
    one = folder / "one.pdf"
    assert find_pdfs([one, folder]) == [one, folder / "two.pdf"]


def test_contact_sheets(folder):
    pages = list(islice(PdfPages(folders=[folder]), 5))
    sheet = page_sheet(pages, count=5, columns=3, side=200)
    assert sheet.shape == (400, 600, 3)

    def crop(image, quads):
        return [np.zeros((32, 50), np.uint8)] * len(quads)

    assert word_sheet(pages, crop, count=7, columns=4).shape == (128, 880, 3)
    with pytest.raises(ValueError, match="nothing to show"):
        page_sheet([])
