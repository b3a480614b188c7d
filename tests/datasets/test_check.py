import json

import cv2
import numpy as np
import pytest

from ocr_pipeline.cli.data import main
from ocr_pipeline.datasets.check import KINDS, check
from recognition.codec import Codec
from tests.datasets.conftest import box, folder, picture, record, word


def findings(*paths, **options):
    return check(paths, codec=Codec(), **options).findings


def test_a_clean_set_is_clean(tmp_path, capsys):
    folder(tmp_path, record(0), record(1, word("Été"), word("x", box(0, 0, 9, 12), ignore=True)))
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "2 pages, 3 words, 1 of them ignored\n\nerrors: none\n\nwarnings: none\n"
    )


TALL = [[10, 50], [10, 10], [26, 10], [26, 50]]  # from the bottom upwards


@pytest.mark.parametrize(
    ("bad", "kind", "what"),
    [
        (word(""), "empty", "word 1 ''"),
        (word("\u3000"), "empty", r"word 1 '\u3000'"),
        (word("Date "), "stray_space", "word 1 'Date '"),
        (word("Da te"), "several_words", "word 1 'Da te'"),
        (word("Да"), "unknown_character", "word 1 'Да'"),
        (
            word("Illinois", box(10, 10, 16, 16)),
            "too_narrow",
            "word 1 'Illinois' needs 36 pixels, its crop has 32",
        ),
        (word(quad=box(10, 10, 0.5, 16)), "small_quad", "word 1 'Date'"),
        (word(quad=[[9, 9], [50, 30], [50, 9], [9, 30]]), "crossed_quad", "word 1 'Date'"),
        (word(quad=box(10, 10, 40, 16)[::-1]), "anticlockwise", "word 1 'Date'"),
        (word(quad=box(210, 10, 40, 16)), "outside", "word 1 'Date'"),
        (word(quad=box(190, 10, 40, 16)), "over_the_edge", "word 1 'Date'"),
        (word(quad=box(5, 10, 190, 1.5)), "too_wide", "word 1 'Date'"),
        (word(quad=TALL), "direction", "word 1 'Date'"),
        (word("Saturdays", box(10, 10, 20, 16)), "squeezed", "word 1 'Saturdays'"),
        (word("a", box(10, 10, 40, 16)), "stretched", "word 1 'a'"),
        (word("R&amp;D"), "markup", "word 1 'R&amp;D'"),
    ],
)
def test_a_fault_of_a_word_is_named(tmp_path, bad, kind, what):
    labels = folder(tmp_path, record(0, bad))
    (found,) = [f for f in findings(labels) if f.kind == kind]
    assert (found.where, found.what) == (f"{labels}:1", what)
    ignored = folder(tmp_path, record(0, bad | {"ignore": True}))
    about_quad = {"small_quad", "crossed_quad", "anticlockwise", "outside", "over_the_edge"}
    about_quad.add("too_wide")
    assert [f.kind for f in findings(ignored)] == ([kind] if kind in about_quad else [])


@pytest.mark.parametrize(
    ("change", "kind", "what"),
    [
        ({"width": 100, "height": 200}, "size", "images/0.png is 200 x 100, not 100 x 200"),
        ({"words": []}, "no_words", "images/0.png"),
        ({"words": [word(), word("Name")]}, "same_quad", "word 2 'Name'"),
        ({"level": "page"}, "record", "level is 'page', not word or line"),
        ({"words": [word(quad=[[1, 2]])]}, "record", "word 1 has the quad [[1, 2]], not four"),
        ({"words": [word(None)]}, "record", "word 1 has no text"),
        ({"words": [word(ignore="no")]}, "record", "word 1 has ignore 'no', not true or false"),
        ({"width": "200"}, "record", "width is '200', not a number"),
        ({"words": {}}, "record", "words is no list"),
    ],
)
def test_a_fault_of_a_page_is_named(tmp_path, change, kind, what):
    labels = folder(tmp_path, record(0, **change))
    (found,) = findings(labels)
    assert (found.kind, found.where) == (kind, f"{labels}:1")
    assert what in found.what


def test_images_that_cannot_be_read(tmp_path):
    labels = folder(tmp_path, *map(record, range(4)))
    (tmp_path / "images/0.png").unlink()
    (tmp_path / "images/1.png").write_text("no picture")
    whole = cv2.imencode(".jpg", np.full((100, 200, 3), 200, np.uint8))[1].tobytes()
    (tmp_path / "images/2.png").write_bytes(whole[:-200])
    found = [(f.kind, f.where, f.what) for f in findings(labels)]
    assert found == [
        ("image", f"{labels}:1", "images/0.png"),
        ("image", f"{labels}:2", "images/1.png"),
        ("cut_off", f"{labels}:3", "images/2.png"),
    ]


def test_broken_lines_do_not_hide_the_others(tmp_path):
    labels = folder(tmp_path, record(0), record(1, word("")))
    sound, empty = labels.read_bytes().splitlines()
    labels.write_bytes(b"\xef\xbb\xbf" + sound + b'\n{"image"\n\n\xff\n' + empty)
    found = [(f.kind, f.where) for f in findings(labels)]
    assert found == [("record", f"{labels}:2"), ("record", f"{labels}:4"), ("empty", f"{labels}:5")]


def test_unknown_characters_are_listed_after_normalisation(tmp_path, capsys):
    folder(tmp_path, record(0, word("“ﬁ”"), word("☐☐", box(9, 40, 40, 16)), word("\u200ba☐")))
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "  3  ☐ U+2610 BALLOT BOX, first" in out
    assert "  1  U+200B ZERO WIDTH SPACE, first" in out
    assert "U+201C" not in out
    assert "--charset '+\u200b☐'" in out


def test_half_consonants_are_listed_as_symbols(tmp_path, capsys):
    folder(tmp_path, record(0, word("क्षमा")))
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "क् U+0915 DEVANAGARI LETTER KA + U+094D DEVANAGARI SIGN VIRAMA, first" in out
    assert "--charset '+क्मषा'" in out


def test_a_charset_may_be_asked_for(tmp_path, capsys):
    folder(tmp_path, record(0, word("αβ"), word("ab", box(9, 40, 40, 16))))
    (tmp_path / "greek.txt").write_text("α β", encoding="utf-8")
    assert main(["check", str(tmp_path), "--charset", f"+{tmp_path / 'greek.txt'}"]) == 0
    assert main(["check", str(tmp_path), "--charset", "αβ"]) == 1
    assert "a U+0061 LATIN SMALL LETTER A, first" in capsys.readouterr().out


def test_what_shows_only_in_many_labels(tmp_path):
    texts = ["TOTAL", "AMOUNT", "X"] * 20
    words = [word(text, box(3 * k, 5, 3 * len(text), 5)) for k, text in enumerate(texts)]
    labels = folder(tmp_path, record(0, *words))
    found = {f.kind: f.what for f in findings(labels) if f.where == str(labels)}
    assert found == {
        "one_case": "240 upper-case and 0 lower-case letters",
        "one_text": "'TOTAL' in 20 of 60 words",
    }


def test_pages_of_both_training_and_validation(tmp_path):
    text = [word(f"word{k}", box(10, 4 * k, 30, 4)) for k in range(24)]
    train = folder(tmp_path / "a", record(0), record(1), record(2, *text), record(3, *text[4:]))
    again = picture(tmp_path / "b/images/0.png", seed=0)  # a's 0, under the same pixels
    validation = folder(tmp_path / "b", record(0), record(1, *text[:-1], word("another")))
    picture(tmp_path / "b/images/1.png", seed=99)
    found = findings(train, against=[validation])
    assert [(f.kind, f.where) for f in found] == [
        ("leak", f"{train}:1"),
        ("near_leak", f"{train}:3"),  # 23 of 25 words; the fourth page shares only 19
    ]
    assert found[0].what == f"images/0.png is {validation}:1 images/0.png"
    again.unlink()
    assert findings(train, against=[validation])[0].kind == "image"
    twice = folder(tmp_path / "a", record(0), record(0, word("Name")))
    assert [(f.kind, f.where) for f in findings(twice)] == [("same_image", f"{twice}:2")]


def test_json_has_every_finding_and_the_table_a_few(tmp_path, capsys):
    folder(tmp_path, record(0, *[word("", box(9 * k, 5, 8, 8)) for k in range(9)]))
    assert main(["check", str(tmp_path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["counts"] == {"empty": 9}
    assert (report["errors"], report["warnings"], len(report["findings"])) == (9, 0, 9)
    assert main(["check", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert f"      9  {KINDS['empty'].title}; {KINDS['empty'].remedy}\n" in out
    assert "... and 6 more" in out
    assert main(["check", str(tmp_path / "nowhere")]) == 1
    assert "nowhere: no such label file" in capsys.readouterr().err
