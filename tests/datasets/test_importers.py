"""Each format in its own spelling, with something broken in it; then on to the label format."""

import json
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_pipeline.cli.data import main
from ocr_pipeline.datasets.importers import read_entries
from ocr_pipeline.datasets.importers.entries import Fault, quad_of
from tests.datasets.conftest import box, picture

SQUARE = [[10, 10], [50, 10], [50, 26], [10, 26]]


def entries(name, source, **options):
    """Pages as (picture, level, [(quad, text, ignore)]), and faults as (place, reason)."""
    pages, faults = [], []
    for entry in read_entries(name, source, **options):
        if isinstance(entry, Fault):
            faults.append((entry.where.removeprefix(str(source)), entry.reason))
        else:
            pages.append((entry.image, entry.level, [tuple(word) for word in entry.words]))
    return pages, faults


@pytest.mark.parametrize(
    ("points", "quad"),
    [
        (SQUARE, SQUARE),
        (SQUARE[2:] + SQUARE[:2], SQUARE[2:] + SQUARE[:2]),  # upside down: the first point counts
        ([SQUARE[0], *SQUARE[:0:-1]], SQUARE),  # anticlockwise
        ([[50, 26], [10, 10]], SQUARE),
        ([[10, 10], [30, 10], [50, 10], [50, 26], [30, 26], [10, 26]], SQUARE),
        ([[50, 26], [30, 26], [10, 26], [10, 10], [50, 10]], SQUARE),
        ([[0, 20], [40, 0], [42, 4], [22, 14], [2, 24]], [[0, 20], [40, 0], [42, 4], [2, 24]]),
    ],
)
def test_outlines_become_quads(points, quad):
    np.testing.assert_allclose(quad_of(points), quad, atol=0.02)


@pytest.mark.parametrize("points", [[], [[1, 2]], SQUARE[:3], [[1, 2, 3]] * 4, [["a", 1]] * 4, 7])
def test_what_is_no_outline(points):
    with pytest.raises(ValueError, match=r"."):
        quad_of(points)


@pytest.mark.parametrize(
    ("lines", "words", "faults"),
    [
        (  # 2015, with a byte order mark, Windows' line ends and commas in the text
            '\ufeff10,10,50,10,50,26,10,26,a, "b",c\r\n10,10,50,10,50,26,10,26,###\r\n1,2,x\r\n',
            [(SQUARE, 'a, "b",c', False), (SQUARE, "###", True)],
            [(":3", "not 8 coordinates and a text: '1,2,x'")],
        ),
        (  # 2017
            "10,10,50,10,50,26,10,26,Latin,a,b\n10,10,50,10,50,26,10,26,None,###\n",
            [(SQUARE, "a,b", False), (SQUARE, "###", True)],
            [],
        ),
        (  # 2017, with a script that is not known, and a line that lacks it
            "10,10,50,10,50,26,10,26,Latin,a\n10,10,50,10,50,26,10,26,Latin,###\n"
            "10,10,50,10,50,26,10,26,Latin,b\n10,10,50,10,50,26,10,26,Cyrillic,c\n"
            "10,10,50,10,50,26,10,26,d\n",
            [(SQUARE, text, text == "###") for text in ("a", "###", "b", "c")],
            [(":5", "no script before the text: '10,10,50,10,50,26,10,26,d'")],
        ),
        ('10, 10, 50, 26, "1,5"\n', [(SQUARE, "1,5", False)], []),  # 2013
        (  # an illegible word without quotation marks
            '10, 10, 50, 26, "a"\n10, 10, 50, 26, "b"\n10, 10, 50, 26, ###\n',
            [(SQUARE, "a", False), (SQUARE, "b", False), (SQUARE, "###", True)],
            [],
        ),
        ('10 10 50 26 "say "x""\n', [(SQUARE, 'say "x"', False)], []),  # 2013, training
        (  # boxes whose texts look like coordinates, and a text in quotes
            '10,10,50,26,1,2,3,4,5\n10,10,50,26,"a"\n10,10,50,26,b\n',
            [(SQUARE, "1,2,3,4,5", False), (SQUARE, '"a"', False), (SQUARE, "b", False)],
            [],
        ),
        ("10,10,50,10,50,26,10,26\n", [(SQUARE, "", False)], []),  # detection alone
    ],
)
def test_icdar(tmp_path, lines, words, faults):
    image = picture(tmp_path / "images/img_1.png")
    labels = tmp_path / "gt/gt_img_1.txt"
    labels.parent.mkdir()
    labels.write_bytes(lines.encode())
    prefixed = [(f"/gt/gt_img_1.txt{where}", reason) for where, reason in faults]
    assert entries("icdar", tmp_path) == ([(image, "word", words)], prefixed)


def test_icdar_names_what_has_no_counterpart(tmp_path):
    for name in ("a/1.png", "b/1.png", "alone.png"):
        picture(tmp_path / name)
    for name in ("gt_2", "a/1", "gt_1", "latin"):
        (tmp_path / f"{name}.txt").write_text("1,2,3,4,x")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    pages, faults = entries("icdar", tmp_path, level="line")
    assert [(image.name, level) for image, level, _ in pages] == [("1.png", "line")]
    assert [where for where, _ in faults] == [
        *("/latin.txt", "/gt_1.txt", "/gt_2.txt", "/alone.png", "/b/1.png"),
    ]
    assert [reason.split()[0] for _, reason in faults] == ["no", "pictures", "no", "no", "no"]


def test_cocotext(tmp_path):
    image = picture(tmp_path / "images/COCO_1.png")
    flat = [value for point in SQUARE for value in point]
    annotations = {
        "7": {"image_id": 1, "mask": flat, "utf8_string": "one", "legibility": "legible"},
        "8": {"image_id": 1, "bbox": [10, 10, 40, 16], "legibility": "illegible"},
        "9": {"image_id": 1, "polygon": flat[:5], "utf8_string": "odd"},
        "10": {"image_id": 3, "bbox": [1, 2, 3, 4]},
        "11": {"image_id": 1},
    }
    images = {"1": {"file_name": "COCO_1.png"}, "2": {"file_name": "gone.png"}}
    source = tmp_path / "cocotext.v2.json"
    source.write_text(json.dumps({"imgs": images, "anns": annotations, "imgToAnns": {}}))
    pages, faults = entries("cocotext", source)
    assert pages == [(image, "word", [(SQUARE, "one", False), (SQUARE, "", True)])]
    assert faults == [
        (": annotation 10", "its image_id is 3, and imgs has none such"),
        (": annotation 9", "5 coordinates: [10, 10, 50, 10, 50]"),
        (": annotation 11", "has no 'bbox'"),
        (": image 2", "no picture gone.png; name its folder with --images"),
    ]
    source.write_text('{"images": []}')
    with pytest.raises(ValueError, match=r"v2\.json: no COCO-Text JSON"):
        entries("cocotext", source)


def test_doctr(tmp_path):
    page, crop = (picture(tmp_path / f"images/{name}.png") for name in ("page", "crop"))
    labels = {
        "page.png": {"img_dimensions": [100, 200], "polygons": [SQUARE, [[1, 2]]]},
        "crop.png": "Été",
        "gone.png": "x",
        "./page.png": {"polygons": {"words": [SQUARE], "dates": [SQUARE]}},
        "images/crop.png": 5,
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    pages, faults = entries("doctr", tmp_path)
    assert pages == [
        (page, "word", [(SQUARE, "", False)]),
        (crop, "word", [(None, "Été", False)]),
        (page, "word", [(SQUARE, "", False)] * 2),
    ]
    assert faults == [
        ("/labels.json: page.png, polygon 2", "1 points are no outline: [[1, 2]]"),
        ("/labels.json: gone.png", "no such picture; name its folder with --images"),
        ("/labels.json: images/crop.png", "neither a text nor polygons"),
    ]


def test_paddleocr(tmp_path):
    image = picture(tmp_path / "set/images/a.png")
    items = [
        {"transcription": "a\tb", "points": SQUARE},
        {"transcription": "*", "points": SQUARE},
        {"transcription": "no points"},
    ]
    source = tmp_path / "set/Label.txt"
    lines = [f"set/images/a.png\t{json.dumps(items)}", "images/a.png\t[]", "images/a.png\t[{", "x"]
    source.write_text("\n".join([*lines, "gone.png\t[]"]))
    pages, faults = entries("paddleocr", source)
    words = [(SQUARE, "a\tb", False), (SQUARE, "*", True)]
    assert pages == [(image, "word", words), (image, "word", [])]
    assert [where for where, _ in faults] == [":1 word 3", ":3", ":4", ":5"]

    source.write_text("images\\a.png\t[06] \nimages/a.png\t\n")
    pages, faults = entries("paddleocr", source)
    assert (pages, faults) == (
        [(image, "word", [(None, "[06] ", False)]), (image, "word", [(None, "", False)])],
        [],
    )


def test_lmdb(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    image = picture(tmp_path / "crop.png", size=(40, 16)).read_bytes()
    samples = [(image, "Été".encode()), (b"broken", b"x"), (image, b"\xff"), (image, None)]
    (tmp_path / "db/MJ").mkdir(parents=True)
    with (
        lmdb.open(str(tmp_path / "db/MJ"), map_size=2**20) as database,
        database.begin(write=True) as entry,
    ):
        entry.put(b"num-samples", b"4")
        for number, (content, label) in enumerate(samples, start=1):
            entry.put(b"image-%09d" % number, content)
            if label:
                entry.put(b"label-%09d" % number, label)
    pages, faults = entries("lmdb", tmp_path / "db")
    assert [(content, words) for content, _, words in pages] == [
        (image, [(None, "Été", False)]),
        (b"broken", [(None, "x", False)]),
    ]
    assert [where for where, _ in faults] == ["/MJ: 000000003", "/MJ: 000000004"]
    assert [reason[:12] for _, reason in faults] == ["its label is", "its label is"]
    out = tmp_path / "out"
    assert main(["convert", "--from", "lmdb", str(tmp_path / "db"), "--out", str(out)]) == 1
    (page,) = map(json.loads, (out / "labels.jsonl").read_text("utf-8").splitlines())
    assert page == {
        **{"image": "images/MJ_000000001.png", "width": 40, "height": 16, "level": "word"},
        "words": [{"quad": box(0, 0, 40, 16), "text": "Été", "ignore": False}],
    }


def test_lmdb_without_its_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    assert main(["convert", "--from", "lmdb", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "uv sync --extra lmdb" in capsys.readouterr().err


PAGE = """<?xml version="1.0"?>
<!DOCTYPE PcGts [<!ENTITY e SYSTEM "secret.txt">]>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15">
 <Page imageFilename="scan.png" imageWidth="400" imageHeight="200"><TextRegion id="r">
  <TextLine id="l1"><Coords points="20,20 100,20 100,52 20,52"/>{words}
   <TextEquiv><Unicode>one line</Unicode></TextEquiv></TextLine>
  <TextLine id="l2"><Coords points="20,60 100,60 100,92 20,92"/>
   <TextEquiv><Unicode>another</Unicode></TextEquiv></TextLine>
 </TextRegion></Page></PcGts>"""
WORDS = """
 <Word id="w1"><Coords points="20,20 100,20 100,52 20,52"/>
  <TextEquiv index="1"><Unicode>0ne</Unicode></TextEquiv>
  <TextEquiv index="0"><Unicode>one&e;</Unicode></TextEquiv></Word>
 <Word id="w2"><Coords><Point x="20" y="20"/><Point x="100" y="52"/></Coords></Word>
 <Word id="w3"><TextEquiv><Unicode>nowhere</Unicode></TextEquiv></Word>"""


def test_page(tmp_path):
    image = picture(tmp_path / "scan.png")
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "a.xml").write_text(PAGE.format(words=WORDS))
    (folder / "b.xml").write_text(PAGE.format(words=""))
    (folder / "c.xml").write_text("<PcGts><Page")
    (folder / "d.xml").write_text("<mets/>")
    twice, below = (np.multiply(SQUARE, 2).tolist(), box(20, 60, 80, 32))
    pages, faults = entries("page", folder, level="word")
    assert pages == [
        (image, "word", [(twice, "one", False), (twice, "", False), (below, "another", True)]),
        (image, "line", [(twice, "one line", False), (below, "another", False)]),
    ]
    assert [where for where, _ in faults] == ["/a.xml: w3", "/a.xml: l2", "/c.xml", "/d.xml"]
    assert [reason.split()[0] for _, reason in faults] == ["has", "a", "no", "no"]


def test_alto(tmp_path):
    image = picture(tmp_path / "scan.png")
    (tmp_path / "scan.xml").write_text(
        """<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout>
        <Page WIDTH="200" HEIGHT="100"><PrintSpace><TextBlock>
        <TextLine HPOS="10" VPOS="10" WIDTH="40" HEIGHT="16">
         <String CONTENT="R&amp;D" HPOS="10" VPOS="10" WIDTH="40" HEIGHT="16"/><SP/>
         <String CONTENT="ex" HPOS="10" VPOS="10" WIDTH="30" HEIGHT="16"/>
         <HYP CONTENT="-" HPOS="42" WIDTH="8"/></TextLine>
        <TextLine><String ID="s3" HPOS="1" VPOS="1" WIDTH="4" HEIGHT="4"/>
         <String CONTENT="x" HPOS="1" VPOS="1" WIDTH="4"/></TextLine>
        <TextLine><String CONTENT="turned"><Shape><Polygon POINTS="10 26 10 10 50 10 50 26"/>
         </Shape></String></TextLine>
        </TextBlock></PrintSpace></Page></Layout></alto>"""
    )
    pages, faults = entries("alto", tmp_path)
    turned = [[10, 26], *SQUARE[:3]]
    words = [(SQUARE, "R&D", False), (SQUARE, "ex-", False), (turned, "turned", False)]
    assert pages == [(image, "word", words)]
    assert faults == [
        ("/scan.xml: s3", "has no 'CONTENT'"),
        ("/scan.xml: String 'x'", "has no HPOS, VPOS, WIDTH and HEIGHT"),
    ]
    (tmp_path / "scan.xml").write_text(
        """<alto><Layout><Page><TextLine HPOS="10" VPOS="10" WIDTH="40" HEIGHT="16">
        <String CONTENT="a whole line"/></TextLine></Page></Layout></alto>"""
    )
    assert entries("alto", tmp_path)[0] == [(image, "line", [(SQUARE, "a whole line", False)])]


def result(source, *pages):
    """A result of ocr-run; pages are (width, height, [(quad, text)])."""

    def words(items):
        return [{"text": t, "quad": q, "confidence": 0.9, "detection_score": 0.9} for q, t in items]

    return {
        "source": str(source),
        "pages": [
            {
                **{"index": index, "width": width, "height": height},
                "blocks": [{"lines": [{"text": "stale", "words": words(items)}]}],
            }
            for index, (width, height, items) in enumerate(pages)
        ],
    }


def test_result_to_labels_that_check_finds_clean(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "scans/a.png")
    picture(tmp_path / "scans/other/a.png", seed=1)
    white = [Image.new("RGB", (200, 100), (255, grey, 255)) for grey in (250, 200)]
    white[0].save("scans/two.pdf", save_all=True, append_images=white[1:], resolution=100)
    # Words that are wrong were corrected, one is illegible, one is marked by hand.
    words = [(SQUARE, "Date:"), (box(60, 10, 40, 16), "###"), (box(10, 40, 40, 16), "smudge")]
    first = result("scans/a.png", (200, 100, words))
    first["pages"][0]["blocks"][0]["lines"][0]["words"][2]["ignore"] = True
    half = [(box(20, 20, 80, 32), "Total")]
    (tmp_path / "results").mkdir()
    for name, document in {
        "a": first,
        "b": result("scans/other/a.png", (200, 100, words[:1]), (200, 100, [])),
        "c": result("scans/two.pdf", (400, 200, half), (400, 200, half)),
        "d": result("gone.png"),
        "e": result("scans/a.png", (100, 200, words)),
        "f": [],
    }.items():
        (tmp_path / f"results/{name}.json").write_text(json.dumps(document))

    assert main(["convert", "--from", "result", "results", "--out", "mine"]) == 1
    said = capsys.readouterr()
    assert said.out == "4 pages, 6 words in mine; 4 faults in the source\n"
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [
        *("results/b.json, page 2", "results/d.json", "results/e.json", "results/f.json"),
    ]
    assert "the labels are for a picture of 100 x 200 pixels, but" in said.err
    records = [json.loads(line) for line in (tmp_path / "mine/labels.jsonl").open()]
    assert [page["image"] for page in records] == [
        *("images/a.png", "images/a-2.png", "images/two-p1.png", "images/two-p2.png"),
    ]
    assert [word["ignore"] for word in records[0]["words"]] == [False, True, True]
    # The PDF was read at 200 dpi: twice its pictures' size, as the result says.
    assert (records[2]["width"], records[2]["words"][0]["quad"]) == (400, half[0][0])
    source, copy = (cv2.imread(p) for p in ("scans/other/a.png", "mine/images/a-2.png"))
    np.testing.assert_array_equal(source, copy)

    assert main(["check", "mine"]) == 0
    assert "errors: none\n\nwarnings: none" in capsys.readouterr().out
    assert main(["convert", "--from", "result", "results", "--out", "mine"]) == 1
    assert "labels.jsonl exists already; name a new folder" in capsys.readouterr().err


KEYS = [
    *("image_id", "file_name", "bbox", "mask", "utf8_string", "polygons", "words"),
    *("transcription", "points", "blocks", "lines", "quad", "text", "index", "width"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(odd=JSON)
def test_no_entry_can_kill_the_others(tmp_path_factory, odd):
    folder = tmp_path_factory.mktemp("odd")
    picture(folder / "a.png")
    sound, (page,) = json.dumps(odd), result("a.png", (200, 100, [(SQUARE, "x")]))["pages"]
    twice = {"blocks": [{"lines": [{"words": [odd, *page["blocks"][0]["lines"][0]["words"]]}]}]}
    image = {"file_name": "a.png"}
    annotation = {"image_id": 1, "bbox": [10, 10, 40, 16], "utf8_string": "x"}
    sources = {
        "result": {"source": "a.png", "pages": [odd, page | twice]},
        "cocotext": {
            "imgs": {"0": odd, "1": image},
            "anns": {"0": odd, "1": annotation, "2": annotation | {"bbox": odd}},
        },
        "doctr": {"a.png": {"polygons": odd}, "./a.png": odd, ".//a.png": {"polygons": [SQUARE]}},
        "paddleocr": [{"transcription": "x", "points": SQUARE}],
    }
    for name, source in sources.items():
        text = json.dumps(source)
        if name == "paddleocr":
            text = f"a.png\t{sound}\na.png\t{text}"
        (folder / name).write_text(text)
        pages, _ = entries(name, folder / name)
        assert any(points == SQUARE for points, _, _ in pages[-1][2]), name


def test_labels_for_another_size_are_scaled(tmp_path):
    picture(tmp_path / "a.png", size=(100, 50))
    (tmp_path / "a.json").write_text(json.dumps(result("a.png", (200, 100, [(SQUARE, "x")]))))
    out = tmp_path / "out"
    assert main(["convert", "--from", "result", str(tmp_path / "a.json"), "--out", str(out)]) == 0
    (page,) = map(json.loads, (out / "labels.jsonl").read_text().splitlines())
    assert (page["width"], page["words"][0]["quad"]) == (100, box(5, 5, 20, 8))


def test_a_source_of_another_format_is_one_clear_line(tmp_path, capsys):
    picture(tmp_path / "a.png")
    for name in ("icdar", "lmdb", "doctr", "page", "paddleocr"):
        arguments = ["convert", "--from", name, str(tmp_path), "--out", str(tmp_path / "out")]
        assert main(arguments) == 1
        assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()
