import numpy as np
import pytest

from recognition.codec import Codec
from recognition.crops import MAX_WIDTH, widen
from recognition.decoding import Decoded
from recognition.model import CRNN
from recognition.recognizer import UNSURE, WIDER, Reading, Recognizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" ", []),
        ("abcd", [("abcd", 0, 1)]),
        ("a cd", [("a", 0, 0.3125), ("cd", 0.4375, 1)]),
        (" bcd", [("bcd", 0.1875, 1)]),
        ("a  d", [("a", 0, 0.3125), ("d", 0.6875, 1)]),
        ("abc ", [("abc", 0, 0.8125)]),
    ],
)
def test_words_of_a_reading_leave_most_of_a_space_free(text, words):
    spans = [(k / 4, (k + 1) / 4) for k in range(4)] if len(text) == 4 else [(0, 1)] * len(text)
    assert Reading(text=text, confidence=1, spans=spans).words() == words


def test_each_character_of_a_symbol_has_its_place():
    codec = Codec(charset="कक्ष")
    model = CRNN(num_classes=codec.num_classes, channels=(4, 4, 4, 4), squeezed=4, hidden=4)
    found = Decoded(indices=[2, 3], frames=[(1, 2), (5, 7)], confidence=1.0)
    recognizer = Recognizer(model=model, codec=codec, decode=lambda *_: [found])
    (reading,) = recognizer.recognize([np.zeros((32, 32), np.uint8)])
    assert reading.text == "क्ष"
    first, last = (0.0, 0.46875), (0.46875, 1.0)
    assert reading.spans == [first, first, last]


@pytest.mark.parametrize(
    ("width", "first", "second", "says"),
    [
        (20, ("ab", UNSURE + 0.1), None, "ab"),  # sure enough
        (40, ("ab", UNSURE - 0.1), None, "ab"),  # not narrow
        (20, ("ab", UNSURE - 0.2), ("ba", UNSURE - 0.1), "ba"),  # surer when wider
        (20, ("ab", UNSURE - 0.1), ("ba", UNSURE - 0.2), "ab"),
        (20, ("ab", UNSURE - 0.1), ("", 0.9), "ab"),
    ],
)
def test_unsure_narrow_words_are_read_again_wider(width, first, second, says):
    codec = Codec(charset="abs")
    model = CRNN(num_classes=codec.num_classes, channels=(4, 4, 4, 4), squeezed=4, hidden=4)
    looks = {4: ("s", 0.9), width / 4: first, WIDER * width / 4: second}

    def decoded(text, confidence):
        frames = [(k, k + 1) for k in range(len(text))]
        return Decoded(indices=codec.encode(text), frames=frames, confidence=confidence)

    def decode(logits, steps):
        return [decoded(*looks[step]) for step in steps]

    blank = [np.zeros((32, w), np.uint8) for w in (16, width, 16)]
    recognizer = Recognizer(model=model, codec=codec, decode=decode, exponent=0.5)
    readings = recognizer.recognize(blank)
    assert [reading.text for reading in readings] == ["s", says, "s"]
    chosen = second if second and says == second[0] else first
    assert readings[1].confidence == pytest.approx(chosen[1] ** 0.5)


def test_a_crop_is_widened_up_to_the_most_that_is_read():
    assert widen(np.zeros((32, 50), np.uint8), 1.4).shape == (32, 70)
    assert widen(np.zeros((32, MAX_WIDTH), np.uint8), 1.4).shape == (32, MAX_WIDTH)
