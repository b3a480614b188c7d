import cv2
import numpy as np
import pypdfium2
import pytest

from synthesis.pdf import page_words, render_page

SENTENCE = '#set text(size: 14pt, font: "New Computer Modern")\n'


def words_of(path):
    return page_words(pypdfium2.PdfDocument(path)[0])


def ink_outside(page):
    """Pixels of ink that no quad covers."""
    covered = np.zeros(page["image"].shape[:2], np.uint8)
    for word in page["words"]:
        quad = np.round(word["quad"] * 16 - 8).astype(np.int32)
        cv2.fillPoly(covered, [quad], 1, shift=4)
    return int(((page["image"][..., 1] < 128) & (covered == 0)).sum())


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("Office fluff, café: 12.50 € Größe", "Office fluff, café: 12.50 € Größe"),
        ("#text(tracking: 2.4pt)[set wide apart 5855 Ei]", "set wide apart 5855 Ei"),
        ("a#super[2]", "a 2"),
        (
            "#text(\"user_name@host.org 'x' #7 [*] {~} \\\\ ^ ` | <&>\")",
            "user_name@host.org 'x' #7 [*] {~} \\ ^ ` | <&>",
        ),
        ("#box(width: 200pt)[Total #box(width: 1fr, repeat[.]) 9.99]", "Total 9.99"),
        ('#text("========")', ""),
        ("", ""),
    ],
)
def test_text_comes_back(make_pdf, markup, expected):
    words = words_of(make_pdf(SENTENCE + markup))
    assert sorted(word.text for word in words) == sorted(expected.split())
    assert not any(word.ignore for word in words)


def test_quads_hug_the_ink_and_span_the_fonts_height(make_pdf):
    path = make_pdf(SENTENCE + "on Hpg . nose")
    page = render_page(pypdfium2.PdfDocument(path)[0], 300)
    ink = page["image"][..., 1] < 128
    boxes = {word["text"]: (word["quad"].min(0), word["quad"].max(0)) for word in page["words"]}
    assert set(boxes) == {"on", "Hpg", ".", "nose"}
    heights = [high[1] - low[1] for low, high in boxes.values()]
    assert np.ptp(heights) < 0.5  # the same for a stop as for capitals
    for low, high in boxes.values():
        (x0, y0), (x1, y1) = np.floor(low).astype(int), np.ceil(high).astype(int)
        columns = np.flatnonzero(ink[y0:y1, x0:x1].any(0))
        margin = 0.04 * heights[0]
        assert columns[0] == pytest.approx(margin, abs=2)
        assert (x1 - x0) - columns[-1] - 1 == pytest.approx(margin, abs=2)
    low, high = boxes["Hpg"]
    rows = np.flatnonzero(ink[:, int(low[0]) : int(high[0])].any(1))
    assert rows[0] - low[1] == pytest.approx(0.04 * heights[0], abs=2)
    assert high[1] - rows[-1] - 1 == pytest.approx(0.04 * heights[0], abs=2)


def test_ink_is_told_within_the_quad(make_pdf):
    page = render_page(pypdfium2.PdfDocument(make_pdf("#text(size: 30pt)[some SOME gap]"))[0], 200)
    for word in page["words"]:
        (left, top), (right, bottom) = word["quad"].min(0), word["quad"].max(0)
        column = page["image"][round(top) : round(bottom), round(left) : round(right), 0]
        rows = np.flatnonzero((column < 128).any(1))
        assert word["ink"][0] * (bottom - top) == pytest.approx(rows[0], abs=1.5)
        assert word["ink"][1] * (bottom - top) == pytest.approx(rows[-1] + 1, abs=1.5)


@pytest.mark.parametrize("angle", [0, 90, 180, -90, 12, 43, 45, -130])
def test_turned_text_starts_at_its_own_top_left_corner(make_pdf, angle):
    markup = f"#place(center + horizon, rotate({angle}deg, text(size: 16pt)[Hamburg]))"
    page = render_page(pypdfium2.PdfDocument(make_pdf(markup, height=300))[0], 150)
    (word,) = page["words"]
    assert word["text"] == "Hamburg"
    along = word["quad"][1] - word["quad"][0]
    turned = (np.degrees(np.arctan2(along[1], along[0])) - angle + 180) % 360 - 180
    assert abs(turned) < 0.5
    down = word["quad"][3] - word["quad"][0]
    assert along[0] * down[1] - along[1] * down[0] > 0  # clockwise
    assert ink_outside(page) == 0


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pages_that_are_displayed_turned(make_pdf, turn):
    page = pypdfium2.PdfDocument(make_pdf(SENTENCE + "Some words to turn"))[0]
    page.set_rotation(turn)
    record = render_page(page, 150)
    assert [word["text"] for word in record["words"]] == ["Some", "words", "to", "turn"]
    assert ink_outside(record) == 0


def test_what_no_one_can_read_is_ignored_or_left_out(make_pdf):
    markup = (
        "#place(dx: 0pt)[first]#place(dx: 2pt)[other]"
        "#place(dy: 30pt, text(size: 2pt)[tiny])"
        "#place(dy: 50pt, text(fill: white)[unseen])"
        "#place(dx: 272pt, dy: 50pt, box(width: 200pt)[edge])"
        "#place(dy: 70pt)[plain]"
    )
    words = render_page(pypdfium2.PdfDocument(make_pdf(markup))[0], 100)["words"]
    ignored = {word["text"]: word["ignore"] for word in words}
    assert ignored == {"first": True, "other": True, "tiny": True, "edge": True, "plain": False}
