import base64
import hashlib
import math
import re
import shutil
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline.exports.html import to_html
from ocr_pipeline.results import Block, Document, Line, Page, Word, as_quad

WIDTH, HEIGHT = 800, 1000
HOSTILE = "</script></title></style><img src=x onerror=hacked=1><script>hacked=1</script>\"'&amp;"


def box(left, top, width, height, *, angle=0.0):
    """A quad whose top-left corner is given, turned about it, clockwise in degrees."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    return as_quad([(left + x * cos - y * sin, top + x * sin + y * cos) for x, y in corners])


def line(text, left=100, top=100, *, confidence=0.97, angle=0.0):
    """Words 100 x 30 pixels, 120 pixels apart."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    quads = [
        box(left + 120 * k * cos, top + 120 * k * sin, 100, 30, angle=angle)
        for k in range(len(text.split()))
    ]
    words = zip(text.split(), quads, strict=True)
    return Line(tuple(Word(word, confidence, quad, 0.9) for word, quad in words), quads[0])


def page(*blocks, index=0, warnings=()):
    """Each block is a sequence of lines."""
    return Page(
        index=index,
        width=WIDTH,
        height=HEIGHT,
        blocks=tuple(Block(tuple(lines), lines[0].quad) for lines in blocks),
        warnings=tuple(warnings),
    )


def document(*pages, source="scans/page.png", warnings=()):
    return Document(
        source=source,
        pages=pages,
        settings={},
        models={"detector": {"name": "d.safetensors", "sha256": "0123456789abcdef" * 4}},
        engine="1.2.3",
        warnings=warnings,
    )


def blank(width=WIDTH, height=HEIGHT):
    return np.full((height, width, 3), 255, np.uint8)


def export(result):
    return to_html(result, (blank() for _ in result.pages))


PROSE = page(
    [line("Grüße, wide World,"), line("second line here", top=200, confidence=0.7)],
    [line("another block", top=400, confidence=0.3)],
)
TURNED = page(
    [line("upright", left=50, top=60)],
    [line("tilted words", left=200, top=300, angle=12)],
    [line("upwards", left=600, top=700, angle=-90)],
    [line("across", left=500, top=900, angle=180)],
)


class Parsed(HTMLParser):
    """The elements in order, and the text of those with a class."""

    def __init__(self, html):
        super().__init__()
        self.elements: list[tuple[str, dict]] = [("document", {})]
        self.texts: list[tuple[str, str]] = []
        self.feed(html.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append((self.elements[-1][1].get("class") or self.elements[-1][0], data))

    def text(self, name):
        return [text for key, text in self.texts if key.split()[0] == name and text.strip()]


def test_the_file_refers_to_nothing_outside_and_admits_only_its_own_script():
    html = export(document(PROSE))
    parsed = Parsed(html)
    links = [
        attributes[name]
        for _, attributes in parsed.elements
        for name in ("src", "href", "action", "data", "poster", "srcset")
        if name in attributes
    ]
    assert links
    assert all(link.startswith("data:") for link in links)
    assert not re.search(r"url\(|@import|https?:", html.decode())
    (policy,) = (a["content"] for _, a in parsed.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (content,) = parsed.text(tag)
        sha = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{sha}'" in policy
    assert not any("style" in attributes for _, attributes in parsed.elements)


def test_hostile_text_is_only_text():
    honest = Parsed(export(document(page([line("honest")], warnings=["grave"]))))
    word = Word(HOSTILE, 0.5, box(1, 1, 9, 9), 0.5)
    result = document(
        page([Line((word,), word.quad)], warnings=[HOSTILE]), source=HOSTILE, warnings=(HOSTILE,)
    )
    parsed = Parsed(export(result))
    assert {tag for tag, _ in parsed.elements} <= {tag for tag, _ in honest.elements}
    assert sum(tag == "script" for tag, _ in parsed.elements) == 1
    assert not any(name.startswith("on") for _, a in parsed.elements for name in a)
    assert parsed.text("word") == [HOSTILE]
    assert parsed.text("warning")[0] == HOSTILE


# Control characters are no text in HTML, and surrogates none in UTF-8.
TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_any_text_comes_back(texts):
    words = tuple(Word(text, 0.5, box(0, 0, 9, 9), 0.5) for text in texts)
    whole = Line(words, words[0].quad)
    tiny = Page(index=0, width=9, height=9, blocks=(Block((whole,), whole.quad),))
    parsed = Parsed(to_html(document(tiny), [blank(9, 9)]))
    assert parsed.text("word") == texts
    assert parsed.text("line") == [whole.text]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (document(), "This document has no pages."),
        (document(page()), "No text on this page."),
        (document(page([Line((), box(0, 0, 1, 1))])), "d.safetensors"),
        (document(page([line("far", left=5000, top=-300)])), "5000.0 -300.0"),
        (document(page([line("x")], warnings=["it breaks off"])), "it breaks off"),
        (document(warnings=("page 2 is missing",)), "page 2 is missing"),
        (document(source=""), "<title>Untitled</title>"),
        (document(source="a/b/\udcff.png"), r"<title>\udcff.png</title>"),
    ],
)
def test_degenerate_documents(result, expected):
    assert expected in export(result).decode("utf-8")


@pytest.mark.parametrize("shape", [(1, 1), (1, 40_000), (3000, 2000)])
def test_a_picture_stays_below_a_megabyte(shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    result = document(Page(index=0, width=shape[1], height=shape[0]))
    parsed = Parsed(to_html(result, [noise]))
    (picture,) = (attributes for tag, attributes in parsed.elements if tag == "img")
    assert len(picture["src"]) <= 1_000_030
    assert (picture["width"], picture["height"]) == (str(shape[1]), str(shape[0]))


@pytest.mark.parametrize("count", [0, 2])
def test_images_and_pages_must_be_as_many(count):
    with pytest.raises(ValueError, match="argument 2 is"):
        to_html(document(page()), [blank()] * count)


# From here on in a browser.


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium or Chrome on the PATH")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Show a document; the tab notes what it should never see in `.trouble`."""
    contexts = []

    def show(result, *, width=1200, height=800):
        path = tmp_path / "page.html"
        path.write_bytes(export(result))
        # Still pictures: pages that scroll smoothly would have to be waited for.
        context = browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        contexts.append(context)
        tab = context.new_page()
        trouble: list[str] = []
        tab.on("console", lambda message: trouble.append(message.text))
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:")) or trouble.append(request.url)
            ),
        )
        tab.goto(path.as_uri())
        # Words are scaled to their picture with the first layout.
        tab.wait_for_function("() => !document.querySelector('.sheet:not([style*=zoom])')")
        return SimpleNamespace(tab=tab, trouble=trouble)

    yield show
    for context in contexts:
        context.close()


def copied(tab):
    """What Ctrl+C would bring to the clipboard."""
    return tab.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            const options = {clipboardData, bubbles: true, cancelable: true};
            document.body.dispatchEvent(new ClipboardEvent("copy", options));
            return clipboardData.getData("text/plain");
        }"""
    )


def wait_for_page(tab, number):
    """Until the view is on that page, by the page's own reckoning."""
    tab.wait_for_function(
        "number => document.getElementById('number').value == number", arg=number, timeout=5000
    )


def matches(tab, name):
    return tab.evaluate("name => [...CSS.highlights.get(name)].map(String)", name)


@pytest.mark.parametrize("zoom", ["Fit width", "Actual size"])
def test_words_lie_over_their_ink(open_page, zoom):
    tab = open_page(document(TURNED)).tab
    tab.get_by_text(zoom).click()
    tab.wait_for_timeout(100)  # a frame or two
    sheet = tab.locator(".sheet").bounding_box()
    scale = sheet["width"] / WIDTH
    assert scale == 1 if zoom == "Actual size" else scale > 0.5
    # The text itself, from its first to its last letter, not only the box around it.
    boxes = tab.evaluate(
        """() => [...document.querySelectorAll(".word")].map((word) => {
            const range = document.createRange();
            range.selectNodeContents(word);
            const { left, top, right, bottom } = range.getBoundingClientRect();
            return [left, top, right, bottom];
        })"""
    )
    origin = np.array([sheet["x"], sheet["y"]])
    assert len(boxes) == 5
    for word, found in zip(TURNED.words, boxes, strict=True):
        corners = np.array(word.quad) * scale + origin
        expected = [*corners.min(axis=0), *corners.max(axis=0)]
        assert np.abs(np.array(found) - expected).max() < 2, word.text


def test_search_finds_parts_and_phrases_and_walks(open_page):
    shown = open_page(document(PROSE, page([line("wide world again")], index=1)))
    tab = shown.tab
    tab.keyboard.press("/")
    tab.keyboard.type("WIDE  wor")
    assert tab.locator("#count").inner_text() == "1 of 2"
    # Over the picture word by word, and once in the text.
    assert matches(tab, "match-current") == ["wide", "Wor", "wide Wor"]
    assert matches(tab, "match") == ["wide", "wor", "wide wor"]
    tab.keyboard.press("Enter")
    assert tab.locator("#count").inner_text() == "2 of 2"
    assert matches(tab, "match-current") == ["wide", "wor", "wide wor"]
    wait_for_page(tab, 2)
    tab.keyboard.press("Shift+Enter")
    assert tab.locator("#count").inner_text() == "1 of 2"
    tab.locator("#query").fill("no (such")
    assert tab.locator("#count").inner_text() == "none"
    tab.locator("#query").fill("GRÜSSE")
    assert tab.locator("#count").inner_text() == "none"
    tab.locator("#query").fill("grüße,")
    assert tab.locator("#count").inner_text() == "1 of 1"
    tab.keyboard.press("Escape")
    assert tab.locator("#count").inner_text() == ""
    assert matches(tab, "match-current") == []
    assert shown.trouble == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # From before a word to after one: (page x, page y).
        ((101, 115), (439, 115), "Grüße, wide World,"),
        ((221, 115), (319, 215), "wide World,\nsecond line"),
        ((101, 215), (319, 415), "second line here\n\nanother block"),
        # The pointer ends beside a line, or between two.
        ((221, 115), (700, 115), "wide World,"),
        ((439, 215), (30, 215), "second line here"),
        ((101, 115), (319, 138), "Grüße, wide"),
    ],
)
def test_selection_copies_words_and_lines(open_page, start, end, expected):
    tab = open_page(document(PROSE)).tab
    sheet = tab.locator(".sheet").bounding_box()
    scale = sheet["width"] / WIDTH
    for (x, y), act in ((start, tab.mouse.down), (end, tab.mouse.up)):
        tab.mouse.move(sheet["x"] + x * scale, sheet["y"] + y * scale, steps=5)
        act()
    assert copied(tab) == expected


def test_copy_all_gives_the_text_in_reading_order(open_page):
    result = document(PROSE, page(index=1), TURNED)
    shown = open_page(result)
    shown.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.tab.get_by_role("button", name="Copy all").click()
    shown.tab.get_by_text("Copied").wait_for()
    text = shown.tab.evaluate("navigator.clipboard.readText()")
    assert text == f"{PROSE.text}\n\n{TURNED.text}"


def test_a_line_of_text_is_shown_on_its_page_and_back(open_page):
    tab = open_page(document(PROSE, TURNED)).tab
    tab.locator("aside").get_by_text("upwards").click()
    assert tab.locator(".words .current").inner_text().strip() == "upwards"
    wait_for_page(tab, 2)
    view, word = tab.locator("main").bounding_box(), tab.locator(".current .word").bounding_box()
    assert view["y"] < word["y"] < word["y"] + word["height"] < view["y"] + view["height"]
    tab.locator(".word", has_text="tilted").click()
    assert tab.locator("aside .current").inner_text() == "tilted words"


def test_keys_walk_through_words_and_tell_their_confidence(open_page):
    tab = open_page(document(PROSE)).tab
    tab.locator("main").focus()
    tab.keyboard.press("Tab")
    assert tab.locator("#tip").inner_text().split() == ["Grüße,", "97", "%"]
    tab.keyboard.press("ArrowRight")
    assert tab.locator(":focus").inner_text() == "wide"
    tab.keyboard.press("ArrowDown")
    assert tab.locator("#tip").inner_text().split() == ["second", "70", "%"]
    tab.locator(".word", has_text="block").hover()
    assert tab.locator("#tip").inner_text().split() == ["block", "30", "%"]


def test_confidence_is_marked_until_it_is_switched_off(open_page):
    tab = open_page(document(PROSE)).tab
    legend = [" ".join(text.split()) for text in tab.locator(".legend li").all_inner_texts()]
    assert legend == ["≥ 90 % 3", "60–90 % 3", "< 60 % 2"]
    strokes = """() => new Set([...document.querySelectorAll(".word")].map(
        (word) => getComputedStyle(word).backgroundImage)).size"""
    assert tab.evaluate(strokes) == 3
    tab.get_by_label("Confidence").uncheck()
    assert tab.evaluate(strokes) == 1


def test_pages_are_turned(open_page):
    tab = open_page(document(*(page([line(f"page {k}")], index=k) for k in range(3)))).tab
    tab.get_by_role("button", name="Next page").click()
    wait_for_page(tab, 2)
    tab.get_by_label("Page", exact=True).fill("3")
    tab.keyboard.press("Enter")
    wait_for_page(tab, 3)
    view, sheet = tab.locator("main").bounding_box(), tab.locator(".sheet").nth(2).bounding_box()
    assert 0 <= sheet["y"] - view["y"] < 100


@pytest.mark.parametrize(
    "result",
    [document(), document(page()), document(page([line(HOSTILE)]), page(index=1), source=HOSTILE)],
)
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_goes_wrong(open_page, result, width):
    shown = open_page(result, width=width)
    assert shown.tab.evaluate("typeof hacked") == "undefined"
    assert shown.tab.evaluate("document.documentElement.scrollWidth") == width
    controls = shown.tab.locator("button:visible, .button:visible, .legend li")
    assert controls.count() >= 5
    for control in controls.all():
        at = control.bounding_box()
        assert at["x"] >= 0
        assert at["x"] + at["width"] <= width
    assert shown.trouble == []


def test_a_print_has_one_sheet_a_page(open_page):
    pypdfium2 = pytest.importorskip("pypdfium2")
    tab = open_page(document(PROSE, TURNED)).tab
    printed = pypdfium2.PdfDocument(tab.pdf(format="A4"))
    assert len(printed) == 2
    assert "ocr-pipeline 1.2.3" in printed[1].get_textpage().get_text_range()
