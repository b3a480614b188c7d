import os
import time

import numpy as np
import pytest
from PIL import Image

from ocr_pipeline import isolation
from ocr_pipeline.decode import PageImage
from ocr_pipeline.inputs import Decoding, InputError
from ocr_pipeline.isolation import IsolatedReader


def hostile(path, decoding, *, on_error):
    """Stands in for a decoder; the files say how it fares with them."""
    for action in path.split("+"):
        if action == "crash":
            os.abort()
        elif action == "hang":
            time.sleep(60)
        elif action == "greed":
            np.ones(50 * decoding.max_pixels, np.uint8)
        elif action == "refuse":
            raise InputError(path, "no such file", "check the path")
        elif action == "skip":
            on_error(InputError(path, "page 1 is broken", "export it again"))
        else:
            yield PageImage(np.full((4, 6, 3), 7, np.uint8), int(action), 300.0, ("odd",))


def serve_hostile(connection, max_pixels):
    isolation.read_pages = hostile
    isolation._serve(connection, max_pixels)


@pytest.fixture
def reader(monkeypatch):
    start = IsolatedReader._start

    def start_hostile(self):
        with monkeypatch.context() as patch:
            patch.setattr(isolation, "_serve", serve_hostile)
            start(self)

    monkeypatch.setattr(IsolatedReader, "_start", start_hostile)
    with IsolatedReader(Decoding(max_pixels=10**8), page_seconds=60) as reader:
        yield reader


def read(reader, path):
    errors = []
    pages = list(reader(path, on_error=errors.append))
    return [page.index for page in pages], [error.reason for error in errors]


def test_pages_come_as_they_were_decoded(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    path = tmp_path / "a.tif"
    Image.fromarray(image).save(path, dpi=(300, 300))
    with IsolatedReader(Decoding()) as reader:
        for _ in range(2):
            (page,) = reader(path, on_error=pytest.fail)
            np.testing.assert_array_equal(page.image, image)
            assert (page.index, page.dpi, page.warnings) == (0, 300, ())
        with pytest.raises(InputError, match=r"gone\.png: no such file; check the path"):
            list(reader(tmp_path / "gone.png", on_error=pytest.fail))


@pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
def test_no_file_harms_the_next(reader):
    assert read(reader, "0+skip+2") == ([0, 2], ["page 1 is broken"])
    for path, reason in {
        "crash": r"crash: its decoder crashed \(SIGABRT\)",
        "refuse": "no such file; check",
        "0+crash": "crashed",
    }.items():
        with pytest.raises(InputError, match=reason):
            read(reader, path)
        assert read(reader, "0+1") == ([0, 1], [])
    pages = reader("0+1+2", on_error=pytest.fail)
    assert next(pages).index == 0
    pages.close()  # nobody wants the others
    assert read(reader, "5") == ([5], [])


@pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
def test_hanging_and_greedy_decoders_are_given_up(reader):
    reader.page_seconds = 0.3
    with pytest.raises(InputError, match=r"took more than 0\.3 seconds"):
        read(reader, "hang")
    reader.page_seconds = 60
    with pytest.raises(InputError, match="more memory than pages may"):
        read(reader, "greed+0")
