from pathlib import Path

import matplotlib
import pytest
import typst


@pytest.fixture(scope="session")
def font_folder():
    """Detectron2 brings matplotlib, and that brings DejaVu: fonts that every machine has."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@pytest.fixture
def make_pdf(tmp_path):
    """Typeset markup with the faces inside typst; gives the PDF's path."""

    def make(markup, *, name="page", width=300, height=120):
        setup = f"#set page(width: {width}pt, height: {height}pt, margin: 15pt)\n"
        setup += '#set text(font: "New Computer Modern")\n'  # typst's default is held out
        path = tmp_path / f"{name}.pdf"
        typst.compile((setup + markup).encode(), output=path, pdf_tags=False)
        return path

    return make
