"""Official schemas, and what others say of the exports of the sample letter.

    uv run --with hocr-spec python -m tests.pipeline.validation

`pdftotext` and `qpdf` are asked too where they are installed.
"""

import importlib.metadata
import json
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import jsonschema
import numpy as np
from lxml import etree
from PIL import Image

from ocr_pipeline.exports import export
from ocr_pipeline.results import Document, schema

#: PAGE's schema, and what ALTO's needs.
VALIDATORS = Path(
    str(importlib.metadata.distribution("ocrd-validators").locate_file("ocrd_validators"))
)
SAMPLE = Path(__file__).parents[2] / "samples" / "letter.png"


def _schema(path: Path) -> etree.XMLSchema:
    """The xlink.xsd that a schema imports from the network is taken from here."""

    class Local(etree.Resolver):
        def resolve(self, url, public_id, context):
            if url.endswith("/xlink.xsd"):
                return self.resolve_filename(str(VALIDATORS / "xlink.xsd"), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(path, parser))


ALTO = _schema(Path(__file__).with_name("schemas") / "alto-4-3.xsd")
PAGE_CONTENT = _schema(VALIDATORS / "page.xsd")


def poppler_words(pdf: bytes) -> list[list[tuple[str, np.ndarray]]]:
    """Page by page, the words that poppler finds, and their boxes in points."""
    command = ["pdftotext", "-cropbox", "-bbox", "-", "-"]
    done = subprocess.run(command, input=pdf, capture_output=True, check=True)
    html = etree.fromstring(done.stdout, etree.HTMLParser(encoding="utf-8"))
    edges = ("xmin", "ymin", "xmax", "ymax")
    return [
        [(word.text, np.array([float(word.get(edge)) for edge in edges])) for word in page]
        for page in html.iter("page")
    ]


def check_pdf(pdf: bytes, document: Document) -> str:
    """How far poppler's boxes are from the words' enclosing ones."""
    (page,), (found,) = document.pages, poppler_words(pdf)
    points = 72 / page.dpi if page.dpi else 842 / max(page.width, page.height)
    boxes = defaultdict(list)
    for text, box in found:
        boxes[text].append(box / points)
    errors = []
    for word in page.words:
        quad = np.array(word.quad)
        box = [*quad.min(axis=0), *quad.max(axis=0)]
        # infinite for a word that is not found
        errors.append(min((np.abs(o - box).max() for o in boxes[word.text]), default=np.inf))
    return f"{len(found)} words of {len(errors)}, the farthest {max(errors):.2f} pixels off"


def main() -> None:
    """Read the letter, and the letter turned and skewed; export; ask the validators."""
    from ocr_pipeline import OCRPipeline

    ocr = OCRPipeline.from_pretrained(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        for name, angle in (("letter", 0), ("letter, turned by 93 degrees", 93)):
            path = Path(folder, "letter.png")
            picture = Image.open(SAMPLE).convert("RGB")
            picture.rotate(-angle, Image.Resampling.BICUBIC, True, fillcolor="white").save(path)
            document = ocr.read(path)
            print(f"{name}: {len(document.words)} words")

            jsonschema.validate(json.loads(export("json", document)), schema())
            print("  json: valid by ocr_pipeline/result.schema.json")
            ALTO.assertValid(etree.fromstring(export("alto", document)))
            print("  alto: valid by ALTO 4.3's schema")
            PAGE_CONTENT.assertValid(etree.fromstring(export("page", document)))
            print("  page: valid by PAGE 2019-07-15's schema")
            hocr = Path(folder, "letter.hocr")
            hocr.write_bytes(export("hocr", document))
            etree.parse(hocr)
            print("  hocr: well-formed XHTML")
            pdf = Path(folder, "letter.pdf")
            pdf.write_bytes(export("pdf", document, [np.asarray(Image.open(path))]))
            if shutil.which("pdftotext"):
                print(f"  pdf: pdftotext finds {check_pdf(pdf.read_bytes(), document)}")
            for command in (["hocr-spec", hocr.name], ["qpdf", "--check", pdf.name]):
                if shutil.which(command[0]):
                    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                    print(f"  {command[0]}:", " / ".join((done.stdout or done.stderr).splitlines()))


if __name__ == "__main__":
    main()
