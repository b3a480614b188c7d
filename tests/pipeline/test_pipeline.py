import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import ocr_pipeline
from ocr_pipeline.inputs import InputError
from ocr_pipeline.overlay import draw_overlay
from ocr_pipeline.pipeline import PageError
from ocr_pipeline.results import Page

from .conftest import POISON, Read, ShadeRecognizer, bars


def test_reads_a_file(ocr, tmp_path):
    path = tmp_path / "page.png"
    bars(1, 5, 9).save(path)
    document = ocr.read(path)
    assert document.source == str(path)
    assert document.text == "s1 s5 s9"
    assert document.settings == {"device": "cpu", "min_confidence": 0.4, "orientation": True}
    assert document.models["detector"] == {
        "name": "bars.safetensors",
        "sha256": ocr.detector.sha256,
    }
    (page,) = document.pages
    assert (page.width, page.height, page.angle) == (200, 100, 0)
    assert set(page.timings) == {"detection", "recognition", "layout"}
    word = page.words[1]
    assert word.quad == ((35, 20), (55, 20), (55, 30), (35, 30))
    assert word.confidence == pytest.approx(0.8)
    assert word.detection_score == pytest.approx(0.9)


@pytest.mark.parametrize(
    "image", [bars(3), bars(3).convert("L"), np.array(bars(3)), np.array(bars(3).convert("L"))]
)
def test_reads_images_in_memory(ocr, image):
    document = ocr.read(image)
    assert (document.source, document.text) == ("", "s3")


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_unfit_array_is_refused_with_its_shape(ocr, image):
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
        ocr.read(image)


def test_stages_can_be_called_alone(ocr):
    image = np.array(bars(4, 6))
    (found,) = ocr.detect([image])
    assert [r.text for r in ocr.recognize(image, found.quads[::-1])] == ["s6", "s4"]


class DarkEndFirst(ShadeRecognizer):
    """Reads bars that are darker at their beginning; others, and those on their side, badly."""

    def recognize(self, crops):
        return [
            Read("I", 0.5)
            if crop.shape[1] < 32
            else Read("bar", 0.8)
            if crop[16, crop.shape[1] // 4] < crop[16, -crop.shape[1] // 4]
            else Read("rab", 0.6)
            for crop in crops
        ]


@pytest.mark.parametrize("upwards", [True, False])
def test_a_word_on_its_side_is_turned(ocr, upwards):
    page = np.full((100, 200, 3), 255, np.uint8)
    page[20:30, 40:70], page[20:30, 70:100] = 40, 90
    page[20:50, 10:20], page[50:80, 10:20] = (90, 40) if upwards else (40, 90)
    ocr.recognizer = DarkEndFirst()
    words = {word.quad[0]: word.text for word in ocr.read(page).pages[0].words}
    assert words == {(40, 20): "bar", (10, 80) if upwards else (20, 20): "bar"}
    spine = np.array([[[10, 20], [20, 20], [20, 80], [10, 80]]], np.float32)
    assert [reading.text for reading in ocr.recognize(page, spine)] == ["bar"]
    ocr.orientation = False
    words = {word.quad[0]: word.text for word in ocr.read(page).pages[0].words}
    assert words == {(40, 20): "bar", (10, 20): "I"}


def test_pieces_that_read_as_one_are_a_word(ocr):
    page = np.full((100, 200, 3), 255, np.uint8)
    page[20:60, 20:120], page[20:60, 121:190] = 10, 60
    (word,) = ocr.read(page).pages[0].words
    assert (word.text, word.quad) == ("s1", ((20, 20), (190, 20), (190, 60), (20, 60)))
    assert word.detection_score == pytest.approx(0.9)


def test_blank_page_is_an_empty_result(ocr):
    (page,) = ocr.read(bars()).pages
    assert page.blocks == ()
    assert page.text == ""


def test_words_without_text_or_confidence_are_left_out(ocr):
    ocr.min_confidence = 0.7
    assert ocr.read(bars(1, 20, 4, 15)).text == "s1 s4"
    (page,) = ocr.read(bars(15, 20)).pages
    assert page.words == []
    assert page.warnings == (
        "all words found (1) are left out, being less sure than 0.7; --min-confidence 0 keeps them",
    )


def test_words_of_a_doubtful_box_must_be_read_the_more_surely(ocr):
    page = ocr.read(bars(5)).pages[0]  # box 0.9, reading 0.8: 0.759
    ocr.min_confidence = 0.75
    assert ocr.read(bars(5)).pages[0].words == page.words
    ocr.min_confidence = 0.77
    assert ocr.read(bars(5)).pages[0].words == []


def test_pages_are_read_together_over_document_borders(ocr, tmp_path):
    pages = [bars(k) for k in range(1, 6)]
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:])
    sources = [bars(7), tmp_path / "many.tif", bars(8, 9)]
    ocr.orientation = False  # reads words of its own, page by page
    documents = list(ocr.read_many(sources))
    assert [document.text for document in documents] == [
        "s7",
        "s1\n\fs2\n\fs3\n\fs4\n\fs5",
        "s8 s9",
    ]
    assert [page.index for page in documents[1].pages] == [0, 1, 2, 3, 4]
    assert ocr.detector.batches == [4, 3]
    assert ocr.recognizer.batches == [4, 4]


def test_large_pages_close_a_batch_early(ocr, monkeypatch):
    monkeypatch.setattr("ocr_pipeline.pipeline.BATCH_PIXELS", 30_000)  # a page has 20,000
    list(ocr.read_many([bars(k) for k in range(1, 6)]))
    assert ocr.detector.batches == [2, 2, 1]


def test_only_the_failing_source_is_missing(ocr, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    bars(2).save(good)
    bad.write_bytes(b"no picture")
    poison = bars(3, size=POISON)
    errors = []
    documents = ocr.read_many(
        [good, bad, poison, bars(4)], on_error=lambda source, error: errors.append((source, error))
    )
    assert [document.text for document in documents] == ["s2", "s4"]
    assert [source for source, _ in errors] == [bad, poison]
    assert [type(error) for _, error in errors] == [InputError, PageError]
    with pytest.raises(InputError):
        ocr.read(bad)


def test_document_of_which_a_page_fails_says_so(ocr, tmp_path):
    pages = [bars(1), bars(2, size=POISON), bars(3)]
    path = tmp_path / "many.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    errors = []
    (document,) = ocr.read_many([path], on_error=lambda source, error: errors.append(source))
    assert [page.index for page in document.pages] == [0, 2]
    assert document.warnings == ("page 2: RuntimeError: first line\nsecond line",)
    assert errors == [path]


def test_leaving_early_ends_the_threads(ocr):
    before = threading.active_count()
    endless = (bars(1) for _ in iter(int, 1))
    documents = ocr.read_many(endless)
    next(documents)
    documents.close()
    assert threading.active_count() == before


def test_overlay_shows_frames_and_text(ocr):
    image = np.array(bars(1, 12))
    (page,) = ocr.read(image).pages
    overlay = draw_overlay(image, page)
    assert overlay.shape == (100, 400, 3)
    framed, read = overlay[:, :200], overlay[:, 200:]
    sure = framed[20, 20].astype(int)  # the frame of a word of confidence 0.96: green
    assert sure[1] > sure[0] + 50
    assert (read[20:30, 10:30] < 128).any()
    assert (read[40:] == 255).all()


def test_overlay_of_odd_words_is_drawn(ocr):
    from ocr_pipeline.results import Block, Line, Word, as_quad

    words = (
        Word("off the page", 0.5, as_quad([(-50, -9), (500, -9), (500, 5), (-50, 5)]), 1),
        Word("elsewhere", 0.5, as_quad([(900, 900), (950, 900), (950, 950), (900, 950)]), 1),
        Word("point", 0.5, as_quad([(5, 5)] * 4), 1),
        Word("two\nlines\0", 0.5, as_quad([(5, 5), (50, 5), (50, 20), (5, 20)]), 1),
        Word("ß" * 5000, 0.5, as_quad([(0, 0), (50, 0), (50, 9), (0, 9)]), 1),
    )
    block = Block((Line(words, words[0].quad),), words[0].quad)
    image = np.full((60, 80, 3), 255, np.uint8)
    page = Page(index=0, width=80, height=60, blocks=(block, block))
    assert draw_overlay(image, page).shape == (60, 160, 3)
    assert draw_overlay(image, Page(index=0, width=80, height=60)).min() == 255


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, ocr_pipeline, ocr_pipeline.cli.run as run; run.build_parser().format_help(); "
        "heavy = {'torch', 'numpy', 'cv2', 'PIL', 'detectron2', 'lxml', 'fpdf', 'jinja2'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_loads_no_scipy():
    """It would take a third of a second of each start; only measuring and training need it."""
    code = (
        "import sys, ocr_pipeline.pipeline, ocr_pipeline.weights; assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    assert all(getattr(ocr_pipeline, name) is not None for name in ocr_pipeline.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ocr_pipeline.nonsense


def test_pillow_images_are_composited(ocr):
    transparent = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    assert ocr.read(transparent).text == ""


def test_a_quad_that_holds_two_words_is_cut_between_them(ocr):
    class Pair:
        text, confidence = "s1 s2", 0.9

        def words(self):
            return [("s1", 0.0, 0.4), ("s2", 0.6, 1.0)]

    ocr.recognizer.recognize = lambda crops: [Pair() for _ in crops]
    (first, second) = ocr.read(bars(1)).words
    assert (first.text, second.text) == ("s1", "s2")
    xs = [word.quad[k][0] for word in (first, second) for k in (0, 1)]
    assert xs == pytest.approx([10, 17.84, 22.16, 30], abs=0.2)  # the bar runs from 10 to 30


def test_torch_keeps_to_the_limit_of_threads():
    """Beyond it, OpenMP starts fewer threads than torch shares the work among, and words go."""
    code = (
        "import torch; from ocr_pipeline import resolve_device;"
        "torch.set_num_threads(4); resolve_device('cpu'); print(torch.get_num_threads())"
    )
    limited = os.environ | {"OMP_THREAD_LIMIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=limited, capture_output=True, text=True)
    assert done.stdout.split() == ["1"], done.stderr
