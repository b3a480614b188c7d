import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.lists(boxes, max_size=40))
def test_every_word_comes_back_once(boxes):
    words = []
    for k, (x, y, width, height, degrees) in enumerate(boxes):
        quad = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        words += turned([Word(str(k), 1.0, as_quad(quad), 1.0)], degrees)
    found = [word for block in arrange(words) for line in block.lines for word in line.words]
    assert sorted(found, key=lambda w: int(w.text)) == words


@given(st.floats(0.2, 5), st.integers(0, 9))
def test_scale_and_order_of_input_do_not_matter(scale, seed):
    words, expected = headed_columns()
    assert lines(arrange(shuffled(turned(words, 3, scale), seed))) == expected
