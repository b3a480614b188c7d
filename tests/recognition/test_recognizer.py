import numpy as np
import pytest

from recognition.codec import Codec
from recognition.decoding import Decoded
from recognition.model import CRNN
from recognition.recognizer import Reading, Recognizer


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
    model = CRNN(num_classes=codec.num_classes, channels=(4, 4, 4, 4), features=4, hidden=4)
    found = Decoded(indices=[2, 3], frames=[(1, 2), (5, 7)], confidence=1.0)
    recognizer = Recognizer(model=model, codec=codec, decode=lambda *_: [found])
    (reading,) = recognizer.recognize([np.zeros((32, 32), np.uint8)])
    assert reading.text == "क्ष"
    first, last = (0.0, 0.46875), (0.46875, 1.0)
    assert reading.spans == [first, first, last]
