import json

import numpy as np
import pypdfium2
import pytest
from fontTools.ttLib import TTFont

from ocr_pipeline.cli.synth import main
from ocr_pipeline.labels import LabelledPages
from synthesis import typeset as t
from synthesis.corpus import Corpus
from synthesis.fonts import scan
from synthesis.held_out import is_held_out
from synthesis.kinds import draw_page
from synthesis.kinds.program import Code, coloured
from synthesis.page_maker import PageMaker
from synthesis.pdf import page_words


@pytest.fixture(scope="module", autouse=True)
def only_these_fonts(font_folder):
    """The machine's own fonts would make these tests slow and their outcome its own."""
    patch = pytest.MonkeyPatch()
    patch.setattr("synthesis.fonts.SYSTEM_FONTS", ())
    yield
    patch.undo()


def test_scan_keeps_text_faces_once(font_folder):
    _, faces = scan([font_folder])
    families = {face.family for face in faces}
    assert "DejaVu Sans" in families
    assert not any("STIXSize" in family or "Math" in family for family in families)
    assert {face.look for face in faces if face.family == "DejaVu Sans Mono"} == {"mono"}
    assert all(ord(char) in face.characters for face in faces for char in "azAZ09")
    assert len(set(faces)) == len(faces)


def test_accents_that_are_other_letters_are_not_counted(font_folder, tmp_path):
    """As in Cyrillic fonts from before Unicode, with their letters where Latin has accents."""
    with TTFont(next(font_folder.rglob("DejaVuSans.ttf"))) as font:
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord("à")] = table.cmap[ord("я")]
        font.save(tmp_path / "false.ttf")
    (face,) = scan([tmp_path])[1]
    assert max(face.characters) < 128
    assert ord("a") in face.characters


def test_faces_without_lower_case_are_known_by_its_height(font_folder, tmp_path):
    with TTFont(next(font_folder.rglob("DejaVuSans.ttf"))) as font:
        for table in font["cmap"].tables:
            if table.isUnicode():
                for low, high in zip("abcdefghijklmnopqrstuvwxyz", "BCDEFGHIJKLMNOPQRSTUVWXYZA",
                                     strict=True):  # fmt: skip
                    table.cmap[ord(low)] = table.cmap[ord(high)]  # other capitals than its own
        font.save(tmp_path / "unicase.ttf")
    (face,) = scan([tmp_path])[1]
    assert face.look == "capitals"
    others = [face for face in scan([font_folder])[1] if "DejaVu" in face.family]
    assert others
    assert all(face.look != "capitals" for face in others)


def test_held_out_families_stay_out(font_folder):
    _, faces = scan([font_folder], held_out=lambda family: "DejaVu" in family)
    assert not any("DejaVu" in face.family for face in faces)
    assert is_held_out("Libertinus Serif")


@pytest.mark.parametrize("folders", [[], ["no such folder"]])
def test_no_fonts(folders):
    with pytest.raises(FileNotFoundError):
        scan(folders)


@pytest.mark.parametrize("kind", t.KINDS)
def test_every_kind_of_page_holds_its_words(kind, font_folder, tmp_path):
    files = t.typeset(out=tmp_path, pages=3, seed=1, font_folders=[font_folder], kinds={kind: 1})
    words = [
        word for file in files for page in pypdfium2.PdfDocument(file) for word in page_words(page)
    ]
    assert len(words) > 10
    assert np.mean([word.ignore for word in words]) < 0.15


def test_scattered_words_reach_the_pdf_exactly(font_folder, tmp_path):
    files = t.typeset(
        out=tmp_path, pages=1, seed=4, font_folders=[font_folder], kinds={"scatter": 1}
    )
    # The same draws again, this time kept as a specification.
    rng = np.random.default_rng([4, 0])
    rng.choice(["scatter"], 1, p=[1.0])
    spec = draw_page(PageMaker(rng, scan([font_folder])[1]), "scatter")
    wanted = {word for line in spec["lines"] for word in line["text"].split()}
    got = {word.text for word in page_words(pypdfium2.PdfDocument(files[0])[0])}
    assert len(wanted & got) > 0.95 * len(wanted)


def test_shares_of_kinds_are_shares():
    assert sum(t.KINDS.values()) == pytest.approx(1)


@pytest.mark.parametrize("columns", [30, 80])
def test_lines_of_code_fit_and_keep_their_text_in_colours(columns):
    for seed in range(20):
        for line in Code(Corpus(np.random.default_rng(seed), language="en")).lines(12, columns):
            assert len(line) <= columns
            assert "".join(text for _, text in coloured(line)) == line


def test_unknown_kind(tmp_path):
    with pytest.raises(ValueError, match="brochure"):
        t.typeset(out=tmp_path, pages=1, kinds={"brochure": 1})


def test_commands_make_labelled_pages(font_folder, tmp_path, capsys):
    pdfs, out = tmp_path / "pdfs", tmp_path / "out"
    assert main(["typeset", "--out", str(pdfs), "--pages", "2", "--fonts", str(font_folder)]) == 0
    assert main(["render", "--pdfs", str(pdfs), "--out", str(out), "--count", "2"]) == 0
    pages = LabelledPages(folder=out)
    assert len(pages) == 2
    record = json.loads((out / "labels.jsonl").read_text().splitlines()[0])
    assert pages[0]["image"].shape == (record["height"], record["width"], 3)
    assert record["level"] == "word"
    assert (
        main(["sheet", "--pdfs", str(pdfs), "--out", str(tmp_path / "s.png"), "--count", "2"]) == 0
    )
    assert (tmp_path / "s-words.png").is_file()
    assert main(["render", "--pdfs", str(out), "--out", str(out)]) == 1
    assert "no PDF" in capsys.readouterr().err


def test_words_of_ones_own_become_a_labelled_folder(font_folder, tmp_path):
    text = tmp_path / "greek.txt"
    text.write_text("αρχή λόγος Ελλάδα ΦΩΣ ήλιος\nνερό γη αέρας", encoding="utf-8")
    folder = tmp_path / "greek"
    command = ["words", "--text", str(text), "--out", str(folder), "--fonts", str(font_folder)]
    assert main([*command, "--count", "3", "--strength", "0"]) == 0
    pages = LabelledPages(folder=folder)
    assert len(pages) == 3
    words = [word for page in pages for word in page["words"] if not word["ignore"]]
    assert len(words) > 30
    assert {word["text"] for word in words} == set(text.read_text(encoding="utf-8").split())


def test_words_that_no_font_can_set(font_folder, tmp_path, capsys):
    text = tmp_path / "hindi.txt"
    text.write_text("नमस्ते", encoding="utf-8")
    command = ["words", "--text", str(text), "--out", str(tmp_path / "hindi")]
    assert main([*command, "--fonts", str(font_folder)]) == 1
    message = capsys.readouterr().err
    assert "has all of" in message
    assert "name a folder of fonts" in message
