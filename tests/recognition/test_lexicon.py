import math

import numpy as np
import pytest
import torch

from ocr_pipeline.weights import language_decode
from recognition.codec import Codec
from recognition.decoding import beam_decode
from recognition.lexicon import FAMILIAR, NEUTRAL, RAREST, SIZE, Lexicon, learn

codec = Codec()
FREQUENCIES = {"house": 1e-5, "horse": 1e-6, "don't": 1e-5, "the": 0.05, "to": 0.03, "zyzz": 0.0}


@pytest.fixture(scope="module")
def lexicon():
    checksums, scores = learn(FREQUENCIES)
    return Lexicon(checksums=checksums, scores=scores, codec=codec)


def familiarity(lexicon, text):
    return lexicon.familiarity(codec.encode(text))


def test_words_are_familiar_as_they_are_frequent(lexicon):
    assert familiarity(lexicon, "house") == pytest.approx(math.log(1e-5 / RAREST), rel=1e-3)
    assert FAMILIAR > familiarity(lexicon, "house") > familiarity(lexicon, "horse") > 0
    assert familiarity(lexicon, "the") == FAMILIAR
    for text in ("hause", "zyzz", "thee"):
        assert familiarity(lexicon, text) == 0, text
    for text in ("", "?!", "1042", "A4", "x", "RM", "to", "12.50"):  # any may be meant
        assert familiarity(lexicon, text) == NEUTRAL, text


@pytest.mark.parametrize("text", ["House", "HOUSE:", "“house”", "(house)", "_house_", "*House,"])
def test_case_and_what_encloses_a_word_do_not_count(lexicon, text):
    assert familiarity(lexicon, text) == familiarity(lexicon, "house")


@pytest.mark.parametrize("joint", [" ", "-", "/", ".", ", "])
def test_nothing_is_gained_by_parting_words(lexicon, joint):
    mean = (familiarity(lexicon, "house") + familiarity(lexicon, "horse")) / 2
    assert familiarity(lexicon, f"house{joint}horse") == mean
    assert familiarity(lexicon, "don’t") == familiarity(lexicon, "don't") > 0


def test_the_commonest_words_are_kept():
    checksums, scores = learn({f"{i:x}": 1e-7 + i * 1e-12 for i in range(SIZE + 3000)})
    assert 0.999 * SIZE < len(scores) == len(checksums) <= SIZE
    assert (np.diff(checksums.astype(np.int64)) > 0).all()
    lexicon = Lexicon(checksums=checksums, scores=scores, codec=codec)
    assert familiarity(lexicon, "acdc") > 0 == familiarity(lexicon, "abc")


def seen(text, step, doubts, sure=1 - 1e-6):
    """Logits of an image that shows a text, of which one symbol might be others."""
    steps = 2 * len(text) + 1
    image = torch.full((1, steps, codec.num_classes), 1e-7)
    image[0, 0::2, Codec.BLANK] = 1
    for at, label in enumerate(codec.encode(text)):
        image[0, 2 * at + 1, label] = sure
    image[0, step] = 1e-7
    for symbol, probability in doubts.items():
        label = codec.encode(symbol)[0] if symbol else Codec.BLANK
        image[0, step, label] = probability
    return image.log(), [steps]


def test_it_decides_where_the_image_does_not(lexicon):
    (read,) = beam_decode(*seen("hause", 3, {"a": 0.7, "o": 0.3}), width=8, lexicon=lexicon)
    assert codec.decode(read.indices) == "house"
    odds = 0.3 / 0.7 * math.exp(0.6 * familiarity(lexicon, "house"))
    assert read.confidence == pytest.approx(math.sqrt(0.3 * odds / (1 + odds)), abs=2e-3)
    (read,) = beam_decode(*seen("hause", 3, {"a": 0.999, "o": 0.001}), width=8, lexicon=lexicon)
    assert codec.decode(read.indices) == "hause"


def test_where_the_image_shows_nothing_none_is_made_up(lexicon):
    image = torch.full((1, 11, codec.num_classes), 1e-3)
    image[..., Codec.BLANK] = 0.6
    image[0, [1, 3, 5, 7, 9], codec.encode("house")] = 0.39
    (read,) = beam_decode(image.log(), [11], width=8, lexicon=lexicon)
    assert not read.indices


@pytest.mark.parametrize(
    ("text", "last", "other"),
    [("the", "y", "they"), ("the", "n", "then"), ("for", "m", "form"), ("and", "y", "andy")],
)
def test_the_shipped_one_leaves_short_words_alone(text, last, other):
    decode = language_decode(codec)
    # Some doubt about the first letter, lest the word be taken as it is.
    logits, steps = seen(text, 2 * len(text), {"": 0.95, last: 0.05}, sure=0.8)
    (read,) = decode(logits, steps)
    assert codec.decode(read.indices) == text != other
    assert read.confidence > 0.6


def test_the_surer_the_image_the_surer_the_reading():
    decode = language_decode(codec)
    confidences = []
    for sure in np.linspace(0.5, 0.999, 40):
        logits, steps = seen("house", 3, {"o": float(sure), "c": 1 - float(sure)})
        confidences.append(decode(logits, steps)[0].confidence)
    assert (np.diff(confidences) > -0.005).all()


def test_the_shipped_one_knows_the_words_of_its_languages():
    shipped = language_decode(codec).keywords["lexicon"]
    for text in ("Solution", "TOTAL", "Rechnung", "développement", "invierno", "gezellig"):
        assert familiarity(shipped, text) > 3, text
    assert not any(familiarity(shipped, text) for text in ("Solutlon", "TDTAL", "xqzvk"))
