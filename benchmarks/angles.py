"""Pages of unseen layouts, in a typeface kept out of training, turned by any angle.

    uv run benchmarks/angles.py --step 15

Reported are, for each angle, detection (hmean at IoU 0.5 and 0.7) and the words that are found and
read exactly. Quads are compared as polygons.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import typst
from tabulate import tabulate

from detection.metrics import DetectionMetric
from ocr_pipeline import OCRPipeline
from ocr_pipeline.device import prepare_process
from ocr_pipeline.evaluation import PageMetric, ground_truth
from synthesis.degrade import turned
from synthesis.pdf import render_page

NOTICE = """
#set page(width: 420pt, height: 300pt, margin: 24pt, fill: rgb("#fdf6e3"))
#set text(font: "Libertinus Serif", size: 13pt)
#align(center, text(26pt, weight: "bold")[Harbour Festival])
#align(center)[Saturday 14 June · from noon to midnight · all piers]
#v(8pt)
#grid(columns: (1fr, 1fr), gutter: 16pt,
  [*On the water.* Rowing regatta at two o'clock, sailing dinghies from four, and the lantern
  parade after sunset. Visitors who bring a boat pay nothing for the berth.],
  [*On land.* Smoked mackerel, waffles and cider; a brass band from Ostend; rope making for
  children under twelve; second-hand books behind the customs house.])
#v(8pt)
Tickets: 7.50 € (families 18 €), at the gate or by telephone, 0441 927-3380.
"""
PRICES = """
#set page(width: 360pt, height: 320pt, margin: 20pt)
#set text(font: "Libertinus Serif", size: 10pt)
#text(15pt, style: "italic")[Price list, valid until 30 September]
#v(6pt)
#table(columns: (auto, 1fr, auto, auto), inset: 5pt, stroke: 0.5pt + gray,
  [*No.*], [*Article*], [*Unit*], [*Net*],
  [1042], [Copper pipe, soft, 15 mm], [m], [6.80],
  [1043], [Copper pipe, hard, 22 mm], [m], [11.25],
  [1108], [Ball valve with lever], [each], [14.90],
  [1120], [Check valve, brass], [each], [9.35],
  [2001], [Flux paste for soft solder], [250 g], [7.10],
  [2017], [Solder, lead free, 3 mm], [reel], [23.60],
  [3300], [Pipe clamp, rubber lined], [10 pcs], [8.45])
#v(6pt)
Orders above 150 are sent free of charge; all prices exclude VAT.
"""


def sheets() -> list[dict[str, Any]]:
    """The pages, upright, at 150 dpi."""
    letter = (Path(__file__).parents[1] / "samples" / "letter.typ").read_text()
    pdfs = [typst.compile(s.encode(), ignore_system_fonts=True) for s in (NOTICE, PRICES, letter)]
    return [render_page(pypdfium2.PdfDocument(pdf)[0], 150) for pdf in pdfs]


def main() -> None:
    """Turn, find, read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=float, default=15, help="degrees between angles")
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--recognizer", type=Path)
    args = parser.parse_args()

    prepare_process()
    ocr = OCRPipeline.from_pretrained(detector=args.detector, recognizer=args.recognizer)
    upright = sheets()
    rows = []
    for angle in np.arange(0, 360, args.step).tolist():
        half, strict = DetectionMetric(iou=0.5), DetectionMetric(iou=0.7)
        read = PageMetric()
        for page in (turned(page, angle) for page in upright):
            quads, _, ignore = ground_truth(page)
            words = ocr.read(page["image"]).words
            found = np.array([word.quad for word in words], np.float32).reshape(-1, 4, 2)
            half.update(quads, found, ignore)
            strict.update(quads, found, ignore)
            read.update(page, words)
        hmeans = [100 * metric.summary()["hmean"] for metric in (half, strict)]
        rows.append((f"{angle:g}", *hmeans, read.summary()["raw_f"]))
    rows.append(("mean", *np.mean([row[1:] for row in rows], axis=0)))
    headers = ("angle", "hmean at 0.5", "hmean at 0.7", "read exactly, F")
    print(tabulate(rows, headers, floatfmt=".1f", disable_numparse=[0]))


if __name__ == "__main__":
    main()
