import json

import cv2

from ocr_pipeline.cli.data import main
from ocr_pipeline.datasets.split import split
from ocr_pipeline.datasets.stats import stats, to_text
from ocr_pipeline.labels import LabelledPages
from tests.datasets.conftest import box, folder, picture, record, word


def pages(count):
    return [record(k) for k in range(count)]


def names(records):
    return {page["image"] for page in records}


def test_a_split_is_of_pages_and_depends_on_content_alone(tmp_path):
    labels = folder(tmp_path, *pages(20))
    train, validation = split(labels, validation=0.25)
    assert (len(train), len(validation)) == (15, 5)
    assert not names(train) & names(validation)
    reordered = folder(tmp_path, *reversed(pages(20)))
    assert names(split(reordered, validation=0.25)[1]) == names(validation)
    assert names(split(reordered, validation=0.25, seed=1)[1]) != names(validation)
    assert len(split(labels, validation=0.001)[1]) == 1


def test_what_is_one_page_stays_together(tmp_path):
    crops = [record(k, source="letter-p0") for k in range(4)]
    same = [record("x"), record("y"), record("x", word("Name"))]
    for name in "xy":
        picture(tmp_path / f"images/{name}.png", seed=99)
    labels = folder(tmp_path, *crops, *same, *pages(9)[4:])
    for seed in range(6):
        train, validation = split(labels, validation=0.4, seed=seed)
        for part in (train, validation):
            assert len([page for page in part if page.get("source")]) in (0, 4)
            assert len([page for page in part if page["image"][7] in "xy"]) in (0, 3)


def test_split_writes_label_files_that_lead_to_the_images(tmp_path, capsys):
    folder(tmp_path / "set", *pages(4))
    assert main(["split", str(tmp_path / "set"), "--validation", "0.5"]) == 0
    assert names(LabelledPages(folder=tmp_path / "set", labels="train.jsonl").records) < {
        f"images/{k}.png" for k in range(4)
    }
    assert main(["split", str(tmp_path / "set"), "--out", str(tmp_path / "parts")]) == 0
    for part in ("train", "validation"):
        found = LabelledPages(folder=tmp_path / "parts", labels=f"{part}.jsonl")
        assert found[0]["image"].shape == (100, 200, 3)
    assert main(["split", str(tmp_path / "set/train.jsonl")]) == 1
    assert "train.jsonl would be overwritten" in capsys.readouterr().err
    folder(tmp_path / "one", *pages(1))
    assert main(["split", str(tmp_path / "one")]) == 1
    assert "1 images of one page cannot be split" in capsys.readouterr().err


def test_stats(tmp_path, capsys):
    words = [word("Été"), word("ﬁn", box(10, 40, 60, 20)), word("###", ignore=True)]
    labels = folder(tmp_path, record(0, *words), record(1, word("")))
    figures = stats([labels, labels])
    assert {name: figures[name] for name in ("pages", "words", "ignored", "characters")} == {
        "pages": 4,
        "words": 8,
        "ignored": 2,
        "characters": 12,  # the ligature counts as two
    }
    assert figures["length"]["most"] == 3
    assert figures["height"] == {"least": 16, "5 %": 16, "median": 16, "95 %": 20, "most": 20}
    assert figures["accents"]["French"]["é"] == 4
    assert "French             é 4; none of àâæç" in to_text(figures)
    assert main(["stats", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charset"]["É"] == 1


def test_preview(tmp_path, capsys):
    folder(tmp_path, *pages(3), record("gone"))
    (tmp_path / "images/gone.png").unlink()
    assert main(["preview", str(tmp_path), "--out", str(tmp_path / "sheet.png")]) == 0
    assert "gone.png: missing or not an image" in capsys.readouterr().err
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (200, 800, 3)  # 3 pages in 2 columns
    assert cv2.imread(str(tmp_path / "sheet-words.png")).shape == (64, 660, 3)
