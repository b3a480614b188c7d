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
    model = CRNN(num_classes=codec.num_classes, channels=(4, 4, 4, 4), features=4, hidden=4)
    found = Decoded(indices=[2, 3], frames=[(1, 2), (5, 7)], confidence=1.0)
    recognizer = Recognizer(model=model, codec=codec, decode=lambda *_: [found])
    (reading,) = recognizer.recognize([np.zeros((32, 32), np.uint8)])
    assert reading.text == "क्ष"
    first, last = (0.0, 0.46875), (0.46875, 1.0)
    assert reading.spans == [first, first, last]


@pytest.mark.parametrize(
    ("width", "confidences", "text", "looks"),
    [
        (20, [UNSURE + 0.1], "aa", 1),  # sure enough
        (40, [UNSURE - 0.1], "aa", 1),  # not narrow
        (20, [UNSURE - 0.2, UNSURE - 0.1], "bb", 2),  # surer when wider
        (20, [UNSURE - 0.1, UNSURE - 0.2], "aa", 2),
    ],
)
def test_unsure_narrow_words_are_read_again_wider(width, confidences, text, looks):
    codec = Codec(charset="ab")
    model = CRNN(num_classes=codec.num_classes, channels=(4, 4, 4, 4), features=4, hidden=4)
    steps_seen = []

    def decode(logits, steps):
        steps_seen.extend(steps)
        look = len(steps_seen) - 1
        frames = [(0, 1), (2, 3)]
        return [Decoded(indices=[look + 1] * 2, frames=frames, confidence=confidences[look])]

    (reading,) = Recognizer(model=model, codec=codec, decode=decode).recognize(
        [np.zeros((32, width), np.uint8)]
    )
    assert reading.text == text
    assert steps_seen == [width / 4, WIDER * width / 4][:looks]


def test_a_crop_is_widened_up_to_the_most_that_is_read():
    assert widen(np.zeros((32, 50), np.uint8), 1.4).shape == (32, 70)
    assert widen(np.zeros((32, MAX_WIDTH), np.uint8), 1.4).shape == (32, MAX_WIDTH)
