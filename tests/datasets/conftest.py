"""Small labelled folders, made in the test that needs them."""

import json

import cv2
import numpy as np


def box(left, top, width, height):
    right, bottom = left + width, top + height
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def word(text="Date", quad=None, **more):
    return {"quad": quad or box(10, 10, 40, 16), "text": text, "ignore": False} | more


def picture(path, size=(200, 100), seed=0):
    """A picture of noise, which no other seed resembles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def record(number=0, *words, **more):
    page = {"image": f"images/{number}.png", "width": 200, "height": 100, "level": "word"}
    return page | {"words": list(words) or [word()]} | more


def folder(path, *records, labels="labels.jsonl"):
    """A labelled folder with a picture, unlike the others, for each record that names a new one."""
    for number, page in enumerate(records):
        if not (path / page["image"]).exists():
            picture(path / page["image"], seed=number)
    lines = "".join(json.dumps(page) + "\n" for page in records)
    (path / labels).write_text(lines, "utf-8")
    return path / labels
