import pytest

from recognition.recognizer import Reading


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
