import json
import os
import subprocess
import sys
from io import BytesIO
from types import SimpleNamespace

import jsonschema
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from ocr_pipeline.cli import run as cli
from ocr_pipeline.pipeline import OCRPipeline
from ocr_pipeline.results import schema

from .conftest import POISON, bars


@pytest.fixture
def run(monkeypatch, capsys, ocr, tmp_path):
    """Runs ocr-run with the dummy stages: (exit code, stdout, stderr lines)."""

    def load(**options):
        if options["device"] == "cuda:7":
            raise ValueError("device 'cuda:7' asked for,\nbut it is not there; use --device cpu")
        ocr.min_confidence = options["min_confidence"]
        ocr.decode = options["decode"]
        ocr.settings = {"device": "cpu", "min_confidence": options["min_confidence"]}
        return ocr

    monkeypatch.setattr(OCRPipeline, "from_pretrained", load)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()

    return call


def errors(lines):
    return [line for line in lines if line.startswith("error:")]


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("options", [[], ["--out", "-"]])
def test_text_goes_to_standard_output(run, tmp_path, options):
    bars(1, 2).save(tmp_path / "a.png")
    code, out, err = run("a.png", *options)
    assert (code, out) == (0, "s1 s2\n")
    assert err[0].startswith("device cpu, weights bars.safetensors (")
    assert err[1].startswith("1 input, 0 failed; 1 page, 2 words in ")
    assert files(tmp_path) == ["a.png"]


def test_one_document_makes_one_file(run, tmp_path):
    bars(1, 2).save(tmp_path / "a.png")
    assert run("a.png", "--out", "new/results.json")[0] == 0
    data = json.loads((tmp_path / "new/results.json").read_text("utf-8"))
    jsonschema.validate(data, schema())
    assert data["source"] == "a.png"
    assert run("a.png", "--out", "a.txt")[0] == 0
    assert (tmp_path / "a.txt").read_text() == "s1 s2\n"


def test_folder_makes_a_folder_with_the_same_paths(run, tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("a.png", "a.bmp", "sub/b.png"):
        bars(1).save(tmp_path / "in" / name)
    assert run("in", "--out", "out", "--overlay", "seen")[0] == 0
    assert files(tmp_path / "out") == ["a.bmp.json", "a.png.json", "run.jsonl", "sub/b.json"]
    assert files(tmp_path / "seen") == [
        "a.bmp.overlay.png",
        "a.png.overlay.png",
        "sub/b.overlay.png",
    ]
    assert run("in", "--out", "texts", "--format", "txt")[0] == 0
    assert (tmp_path / "texts/sub/b.txt").read_text() == "s1\n"


def test_each_page_has_an_overlay(run, tmp_path):
    bars(1).save(tmp_path / "a.tif", save_all=True, append_images=[bars(2)])
    (tmp_path / "seen/sub").mkdir(parents=True)
    (tmp_path / "seen/sub/.a.overlay.png.99999999.part").write_bytes(b"what a killed run left")
    alive = f".b.overlay.png.{os.getpid()}.part"
    (tmp_path / "seen/sub" / alive).write_bytes(b"what another run is writing")
    code, out, _ = run("a.tif", "--overlay", "seen")
    assert (code, out) == (0, "s1\n\fs2\n")
    assert files(tmp_path / "seen") == ["a.1.overlay.png", "a.2.overlay.png", f"sub/{alive}"]
    assert Image.open(tmp_path / "seen/a.1.overlay.png").size == (400, 100)


def test_each_bad_input_is_one_line_and_the_others_are_read(run, tmp_path):
    bars(1).save(tmp_path / "good.png")
    bars().save(tmp_path / "blank.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "folder").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    cut = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    names = ["missing.png", "empty.png", "text.png", "folder"]
    code, _, err = run(*names, "good.png", "blank.png", "cut.jpg", "--out", "out")
    assert code == 1
    assert sorted(line.split(": ")[1] for line in errors(err)) == sorted(names)
    assert all("; " in line for line in errors(err))
    assert [line for line in err if line.startswith("warning: cut.jpg")]
    # the bad ones, one warning, the device and the summary, and nothing else
    assert len(err) == len(names) + 3
    assert files(tmp_path / "out") == ["blank.json", "cut.json", "good.json", "run.jsonl"]
    assert json.loads((tmp_path / "out/blank.json").read_text())["pages"][0]["blocks"] == []


def test_nothing_to_read(run, tmp_path):
    (tmp_path / "folder").mkdir()
    code, out, err = run("folder", "--out", "out")
    assert (code, out) == (1, "")
    assert err == errors(err)
    assert len(err) == 1
    assert not (tmp_path / "out").exists()


def test_surprise_in_one_page_is_one_line_too(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    bars(2, size=POISON).save(tmp_path / "b.png")
    code, out, err = run("a.png", "b.png")
    assert (code, out) == (1, "s1\n")
    assert errors(err) == [
        "error: b.png: page 1: RuntimeError: first line second line; --debug shows where"
    ]
    assert len(err) == 3
    assert any("Traceback" in line for line in run("b.png", "--debug")[2])


def test_output_that_cannot_be_written_is_an_error_of_that_input(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    bars(2).save(tmp_path / "b.png")
    (tmp_path / "out/a.json").mkdir(parents=True)
    code, _, err = run("a.png", "b.png", "--out", "out")
    assert code == 1
    assert len(errors(err)) == 1
    assert files(tmp_path / "out") == ["b.json", "run.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "INPUT"),
        (["a.png", "b.png", "--out", "x.json"], "holds one document, and there are 2"),
        (["a.png", "--out", "x.json", "--format", "txt"], "contradicts"),
        (["a.png", "--out", "a.png"], "of no known format; name a folder"),
        (["a.png", "--out", "a.csv"], "or a file that ends in .json, .jsonl, .txt"),
        (["a.png", "--out", "x.json", "--format", "json,txt"], "contradicts"),
        (["a.png", "--format", "json,txt"], "takes one format"),
        (["a.png", "--resume"], "--resume goes on with a folder"),
        (["a.png", "--pages", "3-1"], "--pages: '3-1' is no range"),
        (["a.png", "--dpi", "9"], "not between 10 and 2400"),
        (["a.png", "--min-confidence", "2"], "not between 0 and 1"),
        (["a.png", "--min-confidence", "high"], "min-confidence"),
        (["a.png", "--format", "docx"], "docx"),
        (["a.png", "--device", "cuda:7"], "'cuda:7' asked for, but it is not there; use"),
    ],
)
def test_wrong_usage(run, tmp_path, arguments, message):
    bars(1).save(tmp_path / "a.png")
    bars(1).save(tmp_path / "b.png")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err[-1]


def test_min_confidence(run, tmp_path):
    bars(1, 15).save(tmp_path / "a.png")
    assert run("a.png", "--min-confidence", "0.7")[1] == "s1\n"


def test_json_to_standard_output(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    _, out, _ = run("a.png", "--format", "json")
    assert json.loads(out)["pages"][0]["blocks"][0]["lines"][0]["text"] == "s1"


def test_interrupted_run_leaves_no_half_file(run, tmp_path, monkeypatch):
    bars(1).save(tmp_path / "a.png")

    def interrupt(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    code, _, err = run("a.png", "--out", "out/a.json")
    assert code == 130
    assert err[-1] == "interrupted"
    assert files(tmp_path / "out") == []


def test_several_formats_at_once(run, tmp_path):
    bars(1).save(tmp_path / "a.tif", save_all=True, append_images=[bars(2)])
    assert run("a.tif", "--out", "out", "--format", "json,txt,page,pdf")[0] == 0
    assert files(tmp_path / "out") == [
        *("a.1.page.xml", "a.2.page.xml", "a.json", "a.pdf", "a.txt", "run.jsonl"),
    ]
    assert (tmp_path / "out/a.pdf").read_bytes().startswith(b"%PDF")
    assert run("a.tif", "--pages", "2", "--out", "a.page.xml")[0] == 0
    assert b"s2" in (tmp_path / "a.page.xml").read_bytes()


def test_standard_input(run, tmp_path, monkeypatch):
    bars(1, 2).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(data)))
    code, out, _ = run("-", "--format", "json")
    assert (code, json.loads(out)["source"]) == (0, "-")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(b"no picture")))
    code, _, err = run("-")
    assert code == 1
    assert errors(err)[0].startswith("error: -: not an image")


def outcomes(folder):
    entries = [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()]
    return [(entry["source"], entry["status"], entry["outputs"]) for entry in entries]


def test_resume_reads_only_what_is_not_done(run, ocr, tmp_path):
    for name in ("a", "b", "c", "d"):
        bars(1).save(tmp_path / f"{name}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    inputs = ("a.png", "b.png", "bad.png", "c.png", "d.png", "--out", "out")
    assert run(*inputs)[0] == 1
    assert outcomes(tmp_path / "out") == [
        *(("a.png", "done", ["a.json"]), ("b.png", "done", ["b.json"]), ("bad.png", "failed", [])),
        *(("c.png", "done", ["c.json"]), ("d.png", "done", ["d.json"])),
    ]

    def pages_read(*more):
        ocr.detector.batches.clear()
        code, _, err = run(*inputs, *more)
        return sum(ocr.detector.batches), code, err

    bars(2).save(tmp_path / "b.png")  # another content
    (tmp_path / "out/c.json").unlink()
    # As a killed run leaves it: half a line, and half a file.
    log = tmp_path / "out/run.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    (tmp_path / "out/.d.json.99999999.part").write_bytes(b"half")
    count, code, err = pages_read("--resume")
    assert (count, code) == (3, 1)  # b, c and d; bad is tried again, and fails
    assert "1 of 5 inputs done already" in err
    assert json.loads((tmp_path / "out/b.json").read_text())["pages"][0]["blocks"]
    assert files(tmp_path / "out") == ["a.json", "b.json", "c.json", "d.json", "run.jsonl"]
    assert pages_read("--resume")[0] == 0
    assert pages_read("--resume", "--min-confidence", "0.1")[0] == 4  # other settings
    assert pages_read()[0] == 4
    assert pages_read("--overlay", "seen")[0] == 4
    (tmp_path / "seen/c.overlay.png").unlink()  # a picture is a result like others
    assert pages_read("--overlay", "seen", "--resume")[0] == 1


def test_a_hostile_file_is_opened_elsewhere(run, ocr, tmp_path, monkeypatch):
    """For its pictures, and by the export that takes a PDF's pages from it."""
    monkeypatch.setattr("ocr_pipeline.decode.read_pages", lambda *_, **__: pytest.fail("here"))
    monkeypatch.setattr("pypdfium2.PdfDocument", lambda *_, **__: pytest.fail("here"))
    pages = [bars(1), bars(2, size=POISON), bars(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "b.pdf", resolution=72)
    code, _, err = run("a.tif", "--out", "a.html", "--overlay", "seen")
    assert (code, len(errors(err))) == (1, 1)  # the page that failed is not decoded again
    assert (tmp_path / "a.html").read_bytes().count(b"data:image/") >= 2
    assert files(tmp_path / "seen") == ["a.1.overlay.png", "a.3.overlay.png"]
    assert run("b.pdf", "--dpi", "72", "--out", "b.read.pdf")[0] == 0
    monkeypatch.undo()
    (sheet,) = pypdfium2.PdfDocument(tmp_path / "b.read.pdf")
    assert sheet.get_textpage().get_text_range().split() == ["s1"]


def test_what_takes_too_long_is_given_up(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    code, _, err = run("a.png", "--max-seconds", "0.0001")
    assert code == 1
    assert errors(err) == [
        "error: a.png: a page took more than 0.0001 seconds to decode; raise --max-seconds, or "
        "export it in a simpler form"
    ]
    assert run("a.png", "--max-seconds", "0")[0] == 2


def test_other_files_results_are_not_replaced(run, tmp_path):
    for folder, shade in (("x", 1), ("y", 2)):
        (tmp_path / folder).mkdir()
        bars(shade).save(tmp_path / folder / "a.png")
    assert run("x/a.png", "--out", "out", "--format", "txt")[0] == 0
    code, _, err = run("y/a.png", "--out", "out", "--format", "txt", "--resume")
    assert code == 1
    assert errors(err) == [
        "error: y/a.png: its result a.txt would replace that of x/a.png; name another folder"
    ]
    assert (tmp_path / "out/a.txt").read_text() == "s1\n"
    # The same file by another name is no other file.
    _, _, err = run(tmp_path / "x/a.png", "--out", "out", "--format", "txt", "--resume")
    assert "1 of 1 input done already" in err


def test_inputs_the_log_and_results_of_this_run_are_not_replaced(run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.json", "run.png", "c.2.png"):  # a picture, whatever it is called
        bars(1).save(tmp_path / "in" / name, format="PNG")
    bars(1).save(tmp_path / "in/c.tif", save_all=True, append_images=[bars(2)])
    before = (tmp_path / "in/a.json").read_bytes()
    code, _, err = run("in/a.json", "--out", "in")
    assert (code, errors(err)) == (
        1,
        ["error: in/a.json: its result a.json would replace the input in/a.json; "
         "name another folder"],
    )  # fmt: skip
    code, _, err = run("in/a.json", "--out", "in/../in/a.json")
    assert code == 2
    assert "--out in/../in/a.json is the input itself; name another file" in err[-1]
    assert (tmp_path / "in/a.json").read_bytes() == before
    code, _, err = run("in/run.png", "--out", "log", "--format", "jsonl")
    assert "its result run.jsonl would replace the log of the run" in errors(err)[0]
    (entry,) = map(json.loads, (tmp_path / "log/run.jsonl").read_text().splitlines())
    assert entry["status"] == "failed"
    code, _, err = run("in/c.tif", "in/c.2.png", "--out", "pages", "--format", "page")
    (line,) = errors(err)
    assert "c.2.page.xml would replace that of in/c." in line
    assert files(tmp_path / "pages") == ["c.1.page.xml", "c.2.page.xml", "run.jsonl"]


def test_one_file_takes_one_page_where_its_format_does(run, tmp_path):
    bars(1).save(tmp_path / "a.tif", save_all=True, append_images=[bars(2), bars(3)])
    for target in (["--out", "all.page.xml"], ["--format", "page"]):
        code, out, err = run("a.tif", *target)
        assert (code, out) == (1, "")
        assert "a file of format page holds one page, and there are 3; name a f" in errors(err)[0]
    assert files(tmp_path) == ["a.tif"]
    assert run("a.tif", "--out", "one.page.xml", "--pages", "2")[0] == 0
    code, _, err = run("a.tif", "a.tif", "b.png", "--format", "pdf")
    assert code == 2
    assert "standard output holds one document of format pdf, and there are 2" in err[-1]


def test_what_cannot_be_written_costs_nothing_else(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    (tmp_path / "out/a.json").mkdir(parents=True)
    code, _, err = run("a.png", "--out", "out", "--format", "json,txt", "--overlay", "seen")
    assert code == 1
    assert len(errors(err)) == 1
    (entry,) = map(json.loads, (tmp_path / "out/run.jsonl").read_text().splitlines())
    assert entry["status"] == "partial"
    assert entry["outputs"] == ["a.txt", str(tmp_path / "seen/a.overlay.png")]


def test_a_run_does_not_read_its_own_pictures(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    for _ in range(2):
        _, _, err = run(".", "--out", "results", "--overlay", "results/seen")
        assert err[-1].startswith("1 input, 0 failed")
    assert files(tmp_path / "results") == ["a.json", "run.jsonl", "seen/a.overlay.png"]


def test_resume_knows_a_file_wherever_it_is_named_from(run, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    bars(1).save(tmp_path / "in/a.png")
    os.mkfifo(tmp_path / "in/pipe.png")  # is told of, and nobody waits for it
    _, _, err = run("in", "--out", "out")
    assert errors(err) == ["error: in/pipe.png: this is no regular file; copy its content to one"]
    monkeypatch.chdir(tmp_path / "in")
    _, _, err = run("a.png", "--out", "../out", "--resume")
    assert "1 of 1 input done already" in err


def test_folders_that_cannot_be_written_to_cost_a_line(run, tmp_path):
    bars(1).save(tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    code, _, err = run("a.png", "--out", "file/x")
    assert (code, len(err)) == (1, 1)
    assert err[0].startswith("error: ")
    assert err[0].endswith("file/x'; check space and permissions")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/run.jsonl").write_text('{"a": 1}\n[]\n')  # no entries of ours
    assert run("a.png", "--out", "out", "--resume")[0] == 0


def test_long_files_are_read_as_far_as_the_limit(run, tmp_path):
    pages = [bars(1), bars(2), bars(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    code, out, err = run("a.tif", "--max-pages", "2")
    assert (code, out.split()) == (1, ["s1", "s2"])
    assert "more pages than the limit of 2" in errors(err)[0]
    assert run("a.tif", "--max-pages", "2", "--pages", "2-3")[0] == 0
    assert run("a.tif", "--max-pages", "0")[0] == 2


def test_interrupted_what_was_read_is_written_and_logged(run, ocr, tmp_path, monkeypatch):
    for name in ("a", "b", "c", "d"):
        bars(1).save(tmp_path / f"{name}.png")
    inputs = ("a.png", "b.png", "c.png", "d.png", "--out", "out")
    find, ocr.batch_size = ocr.detector.detect, 1

    def detect(images):
        if len(ocr.detector.batches) == 3:  # c is read, but not known to be whole
            raise KeyboardInterrupt
        return find(images)

    monkeypatch.setattr(ocr.detector, "detect", detect)
    code, _, err = run(*inputs)
    assert (code, err[-1]) == (130, "interrupted")
    assert outcomes(tmp_path / "out") == [
        ("a.png", "done", ["a.json"]),
        ("b.png", "done", ["b.json"]),
    ]
    assert files(tmp_path / "out") == ["a.json", "b.json", "run.jsonl"]
    monkeypatch.setattr(ocr.detector, "detect", find)
    code, _, err = run(*inputs, "--resume")
    assert (code, err[1]) == (0, "2 of 4 inputs done already")


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")
def test_reader_that_closes_the_pipe_causes_no_traceback(tmp_path):
    code = "import sys; from ocr_pipeline.cli import run as cli\n"
    code += (
        "class Run(cli._Run):\n  def run(self):\n    sys.stdout.write('x' * 10**6)\n    return 0\n"
    )
    code += "cli._Run = Run\nsys.exit(cli.main(['a.png']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    _, err = process.communicate()
    assert err == b""
    assert process.returncode == 1
