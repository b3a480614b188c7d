import numpy as np
import pytest
import torch

from ocr_pipeline.weights import language_decode
from recognition.codec import Codec
from recognition.decoding import beam_decode
from recognition.lexicon import RAREST, SIZE, Lexicon, learn

codec = Codec()


@pytest.fixture(scope="module")
def lexicon():
    checksums, scores = learn({"house": 1e-4, "horse": 1e-5, "don't": 1e-4, "the": 0.05, "zyzz": 0})
    return Lexicon(checksums=checksums, scores=scores, codec=codec)


def familiarity(lexicon, text):
    return lexicon.familiarity(codec.encode(text))


def test_words_are_familiar_as_they_are_frequent(lexicon):
    assert familiarity(lexicon, "house") == pytest.approx(np.log(1e-4 / RAREST), rel=1e-3)
    assert familiarity(lexicon, "house") > familiarity(lexicon, "horse") > 0
    for text in ("hause", "the", "zyzz", "", "?!", "house1"):  # unknown, too short, too rare
        assert familiarity(lexicon, text) == 0, text


@pytest.mark.parametrize("text", ["House", "HOUSE:", "“house”", "(house)", "_house_", "*House,"])
def test_case_and_what_encloses_a_word_do_not_count(lexicon, text):
    assert familiarity(lexicon, text) == familiarity(lexicon, "house")


def test_each_word_of_a_text_counts(lexicon):
    both = familiarity(lexicon, "house") + familiarity(lexicon, "horse")
    assert familiarity(lexicon, "the house, a horse") == both
    assert familiarity(lexicon, "don’t") == familiarity(lexicon, "don't") > 0


def test_the_commonest_words_are_kept():
    checksums, scores = learn({f"word-{i}": 1e-7 + i * 1e-12 for i in range(SIZE + 1000)})
    assert 0.999 * SIZE < len(scores) == len(checksums) <= SIZE
    assert (np.diff(checksums.astype(np.int64)) > 0).all()
    lexicon = Lexicon(checksums=checksums, scores=scores, codec=codec)
    assert familiarity(lexicon, f"word-{SIZE}") > 0 == familiarity(lexicon, "word-0")


@pytest.mark.parametrize(
    ("doubt", "text", "sure"), [(0.3, "house", (0.3, 0.6)), (0.001, "hause", (0.9, 1))]
)
def test_it_decides_where_the_image_does_not(lexicon, doubt, text, sure):
    image = torch.full((1, 9, codec.num_classes), 1e-6)
    image[0, 1::2, Codec.BLANK] = 1
    for step, label in zip(range(0, 9, 2), codec.encode("hause"), strict=True):
        image[0, step, label] = 1
    (o,) = codec.encode("o")
    image[0, 2, o], image[0, 2, codec.encode("a")[0]] = doubt, 1 - doubt
    (read,) = beam_decode(image.log(), [9], width=8, lexicon=lexicon)
    assert codec.decode(read.indices) == text
    assert sure[0] < read.confidence < sure[1]  # surer than the image alone is of a word


def test_the_shipped_one_knows_the_words_of_its_languages():
    shipped = language_decode(codec).keywords["lexicon"]
    for text in ("Solution", "TOTAL", "Rechnung", "développement", "invierno", "gezellig"):
        assert familiarity(shipped, text) > 3, text
    assert not any(familiarity(shipped, text) for text in ("Solutlon", "T0TAL", "xqzvk"))
