from itertools import count, islice

import cv2
import numpy as np
import pytest
import torch

from recognition.augment import jitter_quad
from recognition.codec import Codec
from recognition.data import KEPT, WordCrops, join_words, reused, shuffled_forever
from recognition.losses import CTCObjective
from recognition.model import CRNN, time_steps


def page_of(words, name="rendered"):
    """A page with one word a line, set in OpenCV's font, and its labels."""
    image = np.full((40 * len(words) + 20, 320, 3), 255, np.uint8)
    labels = []
    for row, text in enumerate(words):
        y = 40 * row + 40
        cv2.putText(image, text, (10, y), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2)
        width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)[0][0]
        right, top, bottom = 12 + width, y - 24, y + 8
        quad = [[8, top], [right, top], [right, bottom], [8, bottom]]
        labels.append({"quad": quad, "text": text, "ignore": False})
    return {"image": image, "words": labels, "name": name}


def batches(pages, **settings):
    return iter(WordCrops(sources=[(pages, 1.0)], codec=Codec(charset="abcdefgh"), **settings))


def test_batches_are_seeded_and_well_formed():
    pages = [page_of(["abba", "cab", "head"])]
    first, again, other = (next(batches(pages, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(first["images"], again["images"])
    assert not torch.equal(first["labels"], other["labels"])
    assert first["lengths"].sum() == len(first["labels"])
    assert (time_steps(first["widths"]) >= first["lengths"]).all()
    assert first["images"].shape[3] >= first["widths"].max()


def test_what_cannot_be_learnt_is_left_out_and_counted(caplog):
    page = page_of(["bad", "Zoo", "fee"])
    page["words"][2]["quad"] = [[8, 90], [12, 90], [12, 128], [8, 128]]  # far too narrow for "fee"
    page["words"].append({"quad": [[0, 0], [9, 0], [9, 9], [0, 9]], "text": "a", "ignore": True})
    data = WordCrops(
        sources=[([page], 1.0)], codec=Codec(charset="abcdefgh"), max_pixels=32 * 96 * 8
    )
    next(iter(data))
    assert data.left_out["character outside the charset"] >= 8
    assert data.left_out["label longer than the time steps of its crop"] >= 8
    assert len(data.left_out) == 2
    assert "'Zoo' in rendered" in caplog.text


def test_pages_are_used_several_times_and_others_in_between():
    drawn = [
        page["n"]
        for page in islice(reused(({"n": n} for n in count()), 4, np.random.default_rng(0)), 2000)
    ]
    assert 2000 / (max(drawn) + 1) == pytest.approx(4, rel=0.15)
    assert set(drawn) == set(range(max(drawn) + 1))
    assert np.mean(np.diff(drawn) != 0) > 0.6
    assert (np.maximum.accumulate(drawn) - drawn < KEPT).all()


def test_no_labelled_page_is_used_again_before_all_were():
    pages = [{**page_of(["abba"]), "name": str(n)} for n in range(12)]
    names = [page["name"] for page in islice(shuffled_forever(pages, np.random.default_rng(0)), 24)]
    assert len(set(names[:12])) == len(set(names[12:])) == 12


def test_sources_are_mixed_by_words_not_pages():
    many, few = [page_of(["aaaa"] * 12)], [page_of(["b"])]
    data = WordCrops(
        sources=[(many, 0.5), (few, 0.5)], codec=Codec(charset="ab"), max_pixels=32 * 96 * 8
    )
    labels = torch.cat([batch["labels"] for batch in islice(data, 40)])
    words_a, words_b = (labels == 1).sum().item() / 4, (labels == 2).sum().item()
    assert 0.75 < words_a / words_b < 1.33


def test_a_source_without_words_ends_the_run_instead_of_hanging_it(monkeypatch):
    monkeypatch.setattr("recognition.data.BARREN", 10)
    page = page_of(["aaaa"])
    blank = {**page, "words": [{**word, "ignore": True} for word in page["words"]]}
    with pytest.raises(ValueError, match="10 pages in a row without a legible word"):
        next(batches([blank], max_pixels=32 * 96 * 8))
    rare = [blank] * 4 + [page]  # 8 in a row at most
    assert next(batches(rare, max_pixels=32 * 96 * 8))["lengths"].tolist()[0] == 4


def test_a_small_model_learns_a_few_words():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = CRNN(num_classes=9, channels=(8, 16, 24, 32), blocks=(0, 0, 0), squeezed=32, hidden=32)
    objective = CTCObjective(model=model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    losses = []
    stream = batches([page_of(["abba", "cab", "head", "fade", "bed"])], max_pixels=32 * 96 * 16)
    for _, batch in zip(range(60), stream, strict=False):
        loss = objective(batch)["loss_ctc"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_words_are_joined_with_close_neighbours_only():
    def word(x0, x1, text, y=0):
        quad = [[x0, y], [x1, y + 4], [x1, y + 44], [x0, y + 40]]
        return {"quad": quad, "text": text, "ink": (0.1, 0.8)}

    far, below = word(300, 400, "far"), word(0, 100, "below", y=60)
    words = [word(0, 100, "one"), word(100, 200, "two", y=4), far, below]
    joined = join_words(words, 0, np.random.default_rng(0))
    assert (joined["text"], joined["ink"]) == ("one two", (0.1, 0.8))
    assert np.array_equal(joined["quad"], [[0, 0], [200, 8], [200, 48], [0, 40]])
    for start in (1, 2, 3):
        assert join_words(words, start, np.random.default_rng(0)) is words[start]


def test_spaces_are_learnt_where_the_codec_has_one():
    page = page_of(["a", "b"])
    page["words"][1]["quad"] = [[51, 16], [71, 16], [71, 48], [51, 48]]  # beside "a", not below
    page["words"][0]["quad"] = [[30, 16], [50, 16], [50, 48], [30, 48]]
    for charset, expected in (("ab ", {1, 2, 3}), ("ab", {1, 2})):
        data = WordCrops(
            sources=[([page], 1.0)],
            codec=Codec(charset=charset),
            max_pixels=32 * 96 * 8,
            joined=1.0,
        )
        seen = torch.cat([batch["labels"] for batch in islice(data, 10)])
        assert set(seen.tolist()) == expected


def test_some_crops_are_framed_by_the_ink():
    quad = np.array([[10, 10], [90, 10], [90, 50], [10, 50]], np.float32)
    rng = np.random.default_rng(0)
    framed = np.array([jitter_quad(quad, rng, ink=(0.3, 0.8))[:, 1] for _ in range(300)])
    plain = np.array([jitter_quad(quad, rng)[:, 1] for _ in range(300)])
    tops, bottoms = framed[:, :2].mean(1), framed[:, 2:].mean(1)
    drawn_in = bottoms - tops < 34
    assert 0.25 < drawn_in.mean() < 0.45
    assert (plain[:, 2:].mean(1) - plain[:, :2].mean(1) > 34).mean() > 0.95
    assert np.median(tops[drawn_in]) == pytest.approx(10 + 0.3 * 40 - 0.15 * 20 - 1, abs=2)
    assert np.median(bottoms[drawn_in]) == pytest.approx(10 + 0.8 * 40 + 0.1 * 20 + 1, abs=2)


def test_slanted_words_are_framed_upright_at_times():
    rng = np.random.default_rng(0)
    slanted = np.array([[0, 12], [80, 0], [84, 28], [4, 40]], float)
    tilts = np.array([abs(np.subtract(*jitter_quad(slanted, rng)[:2, 1])) for _ in range(200)])
    assert 5 < (tilts < 5).sum() < 60
    turned = np.array([[30, 0], [30, 90], [0, 90], [0, 0]], float)  # its box would be no frame
    ways = np.array([np.subtract(*jitter_quad(turned, rng)[[1, 0]]) for _ in range(200)])
    assert (np.abs(ways[:, 1]) > np.abs(ways[:, 0])).all()
