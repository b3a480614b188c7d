import math

import pytest
import torch

from ocr_pipeline import OCRPipeline
from ocr_pipeline.weights import language_decode
from recognition.codec import Codec
from recognition.decoding import beam_decode, greedy_decode
from recognition.language import LanguageModel, learn

WORDS = {"the": 900.0, "then": 300.0, "cat": 200.0, "1042": 40.0, "arc": 30.0, "ace": 30.0}
codec = Codec(charset="abcdehnrt0124 ")


@pytest.fixture(scope="module")
def language():
    tables, characters = learn(WORDS)
    return LanguageModel(tables=tables, characters=characters, codec=codec)


def probability(language, text):
    context, total = language.START, 0.0
    for label in [*codec.encode(text), Codec.BLANK]:
        total += language.scores(context)[label]
        context = language.after(context, label)
    return total


def test_what_follows_adds_up_to_one(language):
    for text in ("", "t", "th", "the", "zz", "10"):
        context = language.START
        for label in codec.encode(text):
            context = language.after(context, label)
        labels = [label for label in range(codec.num_classes) if label != codec.encode(" ")[0]]
        known = [label for label in labels if not language.unknown[label]]
        scores = language.scores(context)
        assert 0.9 < sum(math.exp(scores[label]) for label in known) <= 1.01, text


def test_words_met_are_likelier_than_others(language):
    assert probability(language, "the") > probability(language, "thc") + 3
    assert probability(language, "the") > probability(language, "then")
    assert probability(language, "1042") > probability(language, "1e42")
    two = probability(language, "the") + probability(language, "cat")
    assert probability(language, "the cat") == pytest.approx(two)  # words stand for themselves


@pytest.mark.parametrize(("doubt", "text"), [(0.45, "the"), (0.001, "thc")])
def test_it_decides_where_the_image_does_not(language, doubt, text):
    t, h, e, c = codec.encode("thec")
    image = torch.full((1, 3, codec.num_classes), 1e-6)
    image[0, 0, t] = image[0, 1, h] = 1
    image[0, 2, e], image[0, 2, c] = doubt, 1 - doubt
    (alone,) = greedy_decode(image.log(), [3])
    assert codec.decode(alone.indices) == "thc"
    (read,) = beam_decode(image.log(), [3], width=8, language=language, sure=0.9999)
    assert codec.decode(read.indices) == text
    assert read.frames == [(0, 1), (1, 2), (2, 3)]
    sure = doubt**0.5 if text == "the" else 1 - doubt  # the model thinks nothing else possible
    assert read.confidence == pytest.approx(sure, abs=0.02)
    (best,) = beam_decode(image.log(), [3], width=8, language=language, sure=0.5)
    assert best.indices == alone.indices
    assert best.confidence == pytest.approx(alone.confidence**0.5)


def test_the_shipped_one_helps_in_its_alphabet_alone():
    assert language_decode(Codec()).keywords["language"].covers()
    assert language_decode(Codec(charset="αβγδεζηθικλμνξοπρστυφχψω")) is greedy_decode
    off = OCRPipeline.from_pretrained(device="cpu", language_model=False)
    assert off.recognizer.decode is greedy_decode
    assert off.settings["language_model"] is False


def test_where_the_image_shows_nothing_none_is_made_up(language):
    image = torch.full((1, 4, codec.num_classes), 0.02)
    image[..., Codec.BLANK] = 0.6
    (read,) = beam_decode(image.log(), [4], width=8, language=language, sure=0.9)
    assert not read.indices
