import sys

import matplotlib
import pytest
import typst

from detection.d2 import instantiate
from ocr_pipeline.training.recipe import fine_tuning
from ocr_pipeline.training.replay import ReplayError, replay_pdfs


def test_pages_are_typeset_once(tmp_path, monkeypatch):
    fonts = f"{matplotlib.get_data_path()}/fonts/ttf"
    monkeypatch.setattr("synthesis.fonts.SYSTEM_FONTS", (fonts,))  # a machine without any
    first = replay_pdfs(tmp_path / "replay", pages=2)
    stamps = [path.stat().st_mtime_ns for path in first]
    assert replay_pdfs(tmp_path / "replay", pages=2) == first
    assert [path.stat().st_mtime_ns for path in first] == stamps


def test_without_the_packages_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "synthesis.typeset", None)
    with pytest.raises(ReplayError, match=r"extra `train` .* --replay 0"):
        replay_pdfs(tmp_path)


def test_replay_takes_its_share(tmp_path, write_pages, tiny_weights):
    markup = b'#set text(font: "New Computer Modern")\nabba cab head fade bed'
    typst.compile(markup, output=str(tmp_path / "page.pdf"))
    cfg = fine_tuning(
        "recognition",
        data=[write_pages(tmp_path / "my")],
        out=tmp_path,
        weights=tiny_weights,
        replay=0.4,
        pdfs=[tmp_path / "page.pdf"],
        device="cpu",
    )
    (own, share), (synthetic, rest) = cfg.data.dataset.sources
    assert (own.folder, share) == (str(tmp_path / "my"), 0.6)
    assert (synthetic.folders, rest) == ([str(tmp_path / "page.pdf")], 0.4)
    assert {"images", "labels"} <= set(next(iter(instantiate(cfg.data.dataset))))
