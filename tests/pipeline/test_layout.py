from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_pipeline import directions, layout
from ocr_pipeline.layout import arrange, text_angle
from ocr_pipeline.results import Word, as_quad

STORY = """
Call me Ishmael some years ago never mind how long precisely having little or no money in my purse
and nothing particular to interest me on shore I thought I would sail about a little and see the
watery part of the world it is a way I have of driving off the spleen and regulating the circulation
whenever I find myself growing grim about the mouth whenever it is a damp drizzly November in my
soul whenever I find myself involuntarily pausing before coffin warehouses
"""
PROSE = STORY.split()
TYGER = [
    *("Tyger tyger burning bright", "In the forests of the night"),
    *("What immortal hand or eye", "Could frame thy fearful symmetry"),
]
GROCERIES = [("Item", "Amount", "Price"), ("Tea", "two", "3.50"), ("Milk", "ten", "4.20")]
PRICES = [("Item", "Price"), ("Tea with milk", "3.50"), ("Cake and cream", "4.20")]
REMARKS = [
    ("Item", "Remark", "Price"),
    ("Tea", "served hot in a pot of its own", "3.50"),
    ("Cake", "none", "4.20"),
]
NAMES = [
    *("Ada Lovelace", "Alan Turing", "Grace Hopper", "Kurt Goedel", "Emmy Noether"),
    *("Al Khwarizmi", "John von Neumann", "Barbara Liskov", "Edsger Dijkstra"),
]


def put(text, x, y, height=12.0):
    """The words of a text from (x, y), as a typesetter of a monospaced face would set them."""
    words = []
    for word in text.split():
        width = 0.5 * height * len(word)
        quad = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        words.append(Word(word, 1.0, as_quad(quad), 1.0))
        x += width + 0.4 * height
    return words


def column(words, x, y, width=250.0, pitch=15.0):
    """Prose set to a width: its words, and its lines' texts."""
    lines = [[]]
    for word in words:
        if len(" ".join([*lines[-1], word])) * 6 > width:
            lines.append([])
        lines[-1].append(word)
    texts = [" ".join(line) for line in lines]
    return [w for k, text in enumerate(texts) for w in put(text, x, y + k * pitch)], texts


def turned(words, degrees, scale=1.0):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = scale * np.array([[cos, -sin], [sin, cos]])
    return [
        Word(w.text, w.confidence, as_quad(np.array(w.quad) @ matrix.T), w.detection_score)
        for w in words
    ]


def texts(blocks):
    return [[line.text for line in block.lines] for block in blocks]


def lines(blocks):
    return [line for block in texts(blocks) for line in block]


def shuffled(words, seed=0):
    return [words[k] for k in np.random.default_rng(seed).permutation(len(words))]


def two_columns():
    left, left_lines = column(PROSE[:40], 50, 100)
    right, right_lines = column(PROSE[40:], 320, 100)
    return left + right, left_lines + right_lines


def headed_columns():
    """Heading, two columns with offset baselines, a page number right below the gutter."""
    left, left_lines = column(PROSE[:40], 50, 160)
    right, right_lines = column(PROSE[40:], 320, 164)
    heading, number = put("Loomings for two columns", 150, 100, 24), put("17", 303, 400)
    return (
        heading + left + right + number,
        ["Loomings for two columns", *left_lines, *right_lines, "17"],
    )


def three_narrow_columns():
    """Wide spaces, as in justified print, and a gutter hardly wider than they are."""
    words, texts = [], []
    for k in range(3):
        column_words, column_lines = column(PROSE[20 * k : 20 * k + 20], 50 + 155 * k, 100, 130)
        for word in column_words:  # every word but the first of its line moves to the right
            x = word.quad[0][0]
            shift = 4.0 if x > 50 + 155 * k else 0.0
            quad = [(px + shift, py) for px, py in word.quad]
            words.append(Word(word.text, 1.0, as_quad(quad), 1.0))
        texts += column_lines
    return words, texts


def columns_around_a_picture():
    """The left column starts below a picture, the right one beside it."""
    left, left_lines = column(PROSE[:40], 50, 300)
    top, top_lines = column(PROSE[40:60], 320, 100)
    right, right_lines = column(PROSE[60:], 320, 280)
    return left + top + right, left_lines + top_lines + right_lines


def table(rows, y, xs, pitch=18.0):
    """A table's words, and its rows' texts."""
    words = [
        word
        for k, row in enumerate(rows)
        for cell, x in zip(row, xs, strict=True)
        for word in put(cell, x, y + k * pitch)
    ]
    return words, [" ".join(row) for row in rows]


def columns_and_table(gap, *, above=False, rows=GROCERIES, xs=(50, 200, 400), pitch=18.0):
    """Two columns and a table, with a gap between; the gutter meets a gap between its cells."""
    words, texts = two_columns()
    top, bottom = 100, max(word.quad[2][1] for word in words)
    y = top - gap - (len(rows) - 1) * pitch - 12 if above else bottom + gap
    table_words, row_texts = table(rows, y, xs, pitch)
    return words + table_words, row_texts + texts if above else texts + row_texts


def columns_table_columns():
    """The table in the middle of the page: each pair of columns has a gutter of its own."""
    words, texts = columns_and_table(25)
    left, left_lines = column(PROSE[:40], 50, 330)
    right, right_lines = column(PROSE[40:], 320, 330)
    return words + left + right, texts + left_lines + right_lines


def columns_under_a_running_head():
    """A row at the head of the page and one at its foot; the gutter meets the gaps in them."""
    words, texts = two_columns()
    head, foot = put("The Whale", 50, 60) + put("Loomings", 500, 60), put("Draft", 50, 600)
    foot += put("page 17", 500, 600)
    return words + head + foot, ["The Whale Loomings", *texts, "Draft page 17"]


def heading_beside_offset_lines():
    """Lines of the right column lie half way between those of the left one; only the heading has a
    line beside it.
    """
    heading, (left, left_lines) = put("Loomings", 50, 97, 24), column(PROSE[:60], 50, 139.5)
    right, right_lines = column(PROSE[60:], 320, 102)
    return heading + left + right, ["Loomings", *left_lines, *right_lines]


def sections_side_by_side():
    """Both columns have a heading at the same height, with blank bands around."""
    words, texts = [], []
    for x, title, prose in ((50, "The Carpet Bag", PROSE[:40]), (320, "The Inn", PROSE[40:])):
        upper, upper_lines = column(prose, x, 100)
        lower, lower_lines = column(prose[::-1], x, 290)
        words += upper + put(title, x, 250) + lower
        texts += [*upper_lines, title, *lower_lines]
    return words, texts


def short_paragraphs_side_by_side():
    """As in print in two languages: paragraphs of two lines begin at the same heights."""
    words, texts = [], []
    for x, first in ((50, 0), (320, 3)):
        for k in range(8):
            some, some_lines = column(PROSE[first + 5 * k :][:10], x, 100 + 42 * k)
            words += some
            texts += some_lines
    return words, texts


def stanzas_side_by_side():
    words, texts = [], []
    for x, step in ((50, 1), (300, -1)):
        for k in range(3):
            for m, verse in enumerate(TYGER[::step]):
                words += put(verse, x, 100 + 75 * k + 15 * m)
                texts.append(verse)
    return words, texts


def list_beside_prose():
    """Below a blank band, a list in the left column only."""
    words, left_lines = column(PROSE[:40], 50, 100)
    items = ["- tea", "- milk", "- cake", "- water"]
    for k, item in enumerate(items):
        words += put(item, 50, 240 + 15 * k)
    upper, upper_lines = column(PROSE[40:], 320, 100)
    lower, lower_lines = column(PROSE[:40], 320, 240)
    return words + upper + lower, left_lines + items + upper_lines + lower_lines


LAYOUTS = {
    "nothing": ([], []),
    "one word": (put("alone", 10, 10), ["alone"]),
    "one line": (put("a single line of words", 10, 10), ["a single line of words"]),
    "two lines": (put("the first", 9, 10) + put("the second", 9, 26), ["the first", "the second"]),
    "two columns": two_columns(),
    "two columns under a heading": headed_columns(),
    "three narrow columns": three_narrow_columns(),
    "columns around a picture": columns_around_a_picture(),
    "table of names": (
        [
            word
            for row in range(9)
            for cell, x in ((NAMES[row], 50), (NAMES[8 - row], 250))
            for word in put(cell, x, 50 + 18 * row)
        ],
        [f"{NAMES[row]} {NAMES[8 - row]}" for row in range(9)],
    ),
    "form": (
        [
            *put("Name:", 50, 50), *put("Ada Lovelace", 300, 50),
            *put("Date of birth:", 50, 90), *put("1815-12-10", 300, 90),
            *put("Profession:", 50, 130), *put("analyst", 300, 132),
        ],
        ["Name: Ada Lovelace", "Date of birth: 1815-12-10", "Profession: analyst"],
    ),
    "table": (
        [
            word
            for row, cells in enumerate(
                [("Item", "Qty", "Price"), ("Tea", "2", "3.50"), ("Cake with cream", "1", "4.20"),
                 ("Milk", "10", "11.00")]
            )
            for cell, x in zip(cells, (50, 250, 350), strict=True)
            for word in put(cell, x, 50 + 18 * row)
        ],
        ["Item Qty Price", "Tea 2 3.50", "Cake with cream 1 4.20", "Milk 10 11.00"],
    ),
    "mixed sizes on a line": (
        put("TOTAL", 10, 10, 30) + put("due today", 115, 22, 12) + put("99.50", 200, 8, 34),
        ["TOTAL due today 99.50"],
    ),
    "big word beside two small lines": (
        put("Menu", 10, 10, 32) + put("served daily", 85, 10, 12) + put("from noon", 88, 30, 12),
        ["Menu served daily", "from noon"],
    ),
    **{
        f"columns, table {gap} {'above' if above else 'below'}": columns_and_table(gap, above=above)
        for gap in (9, 20, 60, 600)
        for above in (False, True)
    },
    "columns, table of two": columns_and_table(20, rows=PRICES, xs=(50, 400)),
    "columns, table across the gutter": columns_and_table(20, rows=REMARKS, xs=(50, 230, 480)),
    "columns, long table": columns_and_table(12, rows=4 * GROCERIES),
    "columns, wide rows": columns_and_table(20, rows=2 * GROCERIES, pitch=40),
    "columns, table, columns": columns_table_columns(),
    "columns under a running head": columns_under_a_running_head(),
    "heading beside offset lines": heading_beside_offset_lines(),
    "sections side by side": sections_side_by_side(),
    "short paragraphs side by side": short_paragraphs_side_by_side(),
    "stanzas side by side": stanzas_side_by_side(),
    "list beside prose": list_beside_prose(),
    "no size at all": (put("flat", 10, 10, 0), ["flat"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("degrees", [0, 10, -7, 90, 180])
def test_lines_in_reading_order(name, degrees):
    words, expected = LAYOUTS[name]
    assert lines(arrange(shuffled(turned(words, degrees)))) == expected


def test_paragraphs_are_blocks():
    first, first_lines = column(PROSE[:20], 50, 100)
    second, second_lines = column(PROSE[20:40], 50, 190)
    assert texts(arrange(shuffled(first + second))) == [first_lines, second_lines]


def indented(paragraphs, x=50, y=100, width=250, indent=15):
    """Paragraphs without a blank between: their words, and each one's lines."""
    words, expected = [], []
    for paragraph in paragraphs:
        lead = "_" * round(indent / 6)  # holds the place of the indent, with the space behind it
        _, (first, *rest) = column([lead, *paragraph], 0, 0, width)
        lines = [first.removeprefix(lead + " "), *rest]
        for k, line in enumerate(lines):
            words += put(line, x if k else x + indent, y)
            y += 15
        expected.append(lines)
    return words, expected


@pytest.mark.parametrize("indent", [12, 24, 34])
@pytest.mark.parametrize("degrees", [0, 10, 90])
def test_indented_paragraphs_are_blocks(indent, degrees):
    speech = [PROSE[:30], ["Call", "me"], ["Why", "so"], PROSE[30:60], PROSE[20:50]]
    words, expected = indented(speech, indent=indent)
    assert texts(arrange(shuffled(turned(words, degrees)))) == expected


def test_indented_paragraphs_in_columns():
    left, left_blocks = indented([PROSE[:30], PROSE[30:60]])
    right, right_blocks = indented([PROSE[20:50], PROSE[40:]], x=330)
    assert texts(arrange(shuffled(left + right))) == left_blocks + right_blocks


def set_lines(texts, offset):
    """Lines one below the other, each moved to the right by `offset(number, width)`."""
    return [
        word
        for k, text in enumerate(texts)
        for word in put(text, 100 + offset(k, put(text, 0, 0)[-1].quad[1][0]), 100 + 15 * k)
    ]


STORY_LINES = column(PROSE, 0, 0)[1]
ITEM = column(["1.", *PROSE[:24]], 0, 0)[1]
ONE_BLOCK = {
    "centred prose": set_lines(STORY_LINES, lambda k, width: (250 - width) / 2),
    "centred verse": set_lines(3 * TYGER, lambda k, width: (250 - width) / 2),
    "alternate verses indented": set_lines(3 * TYGER, lambda k, width: 18 * (k % 2)),
    "inner verses indented": set_lines(3 * TYGER, lambda k, width: 18 * (k % 4 in (1, 2))),
    "hanging indents": set_lines(4 * ITEM, lambda k, width: 18 * (k % len(ITEM) > 0)),
    "short hanging indents": set_lines(4 * ITEM[:2], lambda k, width: 18 * (k % 2)),
    "names": set_lines(NAMES, lambda k, width: 18 * (k in (2, 5))),
    "receipt": [
        word
        for k, (item, price) in enumerate(
            [("Coffee", "3.50"), ("oat milk", "0.40"), ("Tea", "2.90"), ("lemon", "0.20")] * 2
        )
        for word in put(item, 50 + 15 * (k % 2), 100 + 15 * k) + put(price, 260, 100 + 15 * k)
    ],
    "form": table(
        [("Name:", "Ada"), ("Born:", "1815"), ("Died:", "1852"), ("Work:", "analyst")],
        100, (50, 150), 15,
    )[0],
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_BLOCK)
def test_other_indents_are_no_paragraphs(name):
    assert len(arrange(shuffled(ONE_BLOCK[name]))) == 1


def test_a_quotation_is_one_block():
    before, after = column(PROSE[:30], 0, 0)[1], column(PROSE[30:60], 0, 0)[1]
    quotation = column(PROSE[40:60], 0, 0, 230)[1]
    inset = range(len(before), len(before) + len(quotation))
    words = set_lines([*before, *quotation, *after], lambda k, width: 20 * (k in inset))
    assert texts(arrange(shuffled(words))) == [before, quotation + after]


def test_double_spacing_is_one_block():
    words, expected = column(PROSE[:40], 50, 100, pitch=27)
    assert texts(arrange(shuffled(words))) == [expected]


def test_text_turned_against_the_page_follows_it():
    page, page_lines = column(PROSE[:40], 50, 100)
    spine = turned(put("Turned spine text", 0, 0), -90)
    moved = [Word(w.text, 1.0, as_quad(np.add(w.quad, (30, 220))), 1.0) for w in spine]
    assert lines(arrange(shuffled(page + moved))) == [*page_lines, "Turned spine text"]


def test_quads_enclose_their_words_and_tilt_with_them():
    words = turned(put("three tilted words", 100, 100), 10)
    (block,) = arrange(words)
    (line,) = block.lines
    expected = [words[0].quad[0], words[-1].quad[1], words[-1].quad[2], words[0].quad[3]]
    np.testing.assert_allclose(line.quad, expected, atol=1e-3)
    np.testing.assert_allclose(block.quad, expected, atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 12.5, -30, 90, 179, -95])
def test_angle_is_that_of_most_text(degrees):
    words = turned(put("the angle of this text", 0, 0), degrees)
    stray = turned(put("stray", 0, 0), degrees + 70)
    assert text_angle(words + stray) == pytest.approx(degrees, abs=1e-3)


boxes = st.tuples(
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.floats(0, 200),
    st.floats(0, 60),
    st.floats(-180, 180),
)


@settings(deadline=None)
@given(st.lists(boxes, max_size=40))
def test_every_word_comes_back_once(boxes):
    words = []
    for k, (x, y, width, height, degrees) in enumerate(boxes):
        quad = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        words += turned([Word(str(k), 1.0, as_quad(quad), 1.0)], degrees)
    found = [word for block in arrange(words) for line in block.lines for word in line.words]
    assert sorted(found, key=lambda w: int(w.text)) == words


@settings(deadline=None)
@given(st.floats(0.2, 5), st.integers(0, 9))
def test_scale_and_order_of_input_do_not_matter(scale, seed):
    words, expected = headed_columns()
    assert lines(arrange(shuffled(turned(words, 3, scale), seed))) == expected


@pytest.mark.parametrize("seed", range(12))
def test_how_neighbours_are_sought_does_not_matter(seed):
    """All at once, or a few at a time and those near by first."""
    rng = np.random.default_rng(seed)
    words = []
    for x, y, width in rng.uniform((0, 0, 2), (1000, 60, 120), (120, 3)):
        quad = [(x, y), (x + width, y), (x + width, y + 12), (x, y + 12)]
        words.append(Word("word", 1.0, as_quad(quad), 1.0))
    found = []
    for pairs, near in ((10**6, np.inf), (100, 1.0)):
        with patch.object(directions, "PAIRS", pairs), patch.object(layout, "NEAR", near):
            found.append(arrange(words))
    assert found[0] == found[1]
