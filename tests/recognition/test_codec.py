import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.codec import (
    DEFAULT_CHARSET,
    Codec,
    change_charset,
    normalize,
    required_steps,
    split_symbols,
)


def test_default_charset_holds_ascii_and_western_letters():
    assert set(map(chr, range(33, 127))) <= set(DEFAULT_CHARSET)
    assert set("éèàçñöüßøåœÉÀÇÑÖÜØ€£°§«»–—") <= set(DEFAULT_CHARSET)
    assert DEFAULT_CHARSET[-1] == " "


@given(st.text(alphabet=DEFAULT_CHARSET, max_size=40))
def test_charset_text_survives_the_round_trip(text):
    codec = Codec()
    assert codec.decode(codec.encode(text)) == normalize(text)
    assert not codec.unknown


@given(st.text(max_size=20))
def test_any_text_encodes_and_unknown_characters_are_counted(text):
    codec = Codec(charset="abc")
    known = [symbol for symbol in normalize(text) if symbol in "abc"]
    assert codec.decode(codec.encode(text)) == "".join(known)
    assert codec.unknown.total() == len(normalize(text)) - len(known)
    assert codec.covers(text) == (not codec.unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don’t", "don't"),
        ("“quoted”", '"quoted"'),
        ("ﬁnal", "final"),
        ("non‑breaking", "non-breaking"),
        (unicodedata.normalize("NFD", "café"), "café"),
        ("a–b — c", "a–b — c"),
        ("well…", "well..."),
    ],
)
def test_normalize_folds_what_a_reader_does_not_tell_apart(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected


def test_head_of_another_width_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"97 outputs .* needs 4 \(3 symbols"):
        Codec(charset="abc").check_head(97)


@pytest.mark.parametrize(
    ("charset", "message"), [("abca", "repeats 'a'"), ("ab\u2126", "replaces")]
)
def test_bad_charset_is_refused(charset, message):
    with pytest.raises(ValueError, match=message):
        Codec(charset=charset)


@pytest.mark.parametrize(
    ("text", "steps"), [("", 0), ("a", 1), ("ab", 2), ("aa", 3), ("aabb", 6), ("aaaa", 7)]
)
def test_required_steps_counts_repeats(text, steps):
    assert required_steps(Codec(charset="ab").encode(text)) == steps


def test_three_dots_are_one_symbol_if_the_charset_has_it():
    codec = Codec(charset=".…a")
    assert codec.encode("a….") == codec.encode("a....") == [3, 2, 1]
    assert codec.decode([3, 2, 1]) == "a...."
    assert Codec(charset=".a").encode("a…") == [2, 1, 1, 1]


def test_a_variant_in_the_charset_is_kept():
    mu, micro = "\u03bc", "\u00b5"
    greek = Codec(charset=f"{mu}'")
    assert greek.decode(greek.encode(f"{mu}’")) == f"{mu}'"
    assert Codec(charset=f"{micro}'").normalize(mu) == micro


def test_half_consonants_are_symbols_of_their_own():
    charset = change_charset("", "क क् ष ष् म ा ड ड़")
    codec = Codec(charset=charset)
    assert codec.symbols == ["क", "क्", "ष", "ष्", "म", "ा", "ड", "ड़"]
    assert codec.encode("क्षमा") == [2, 3, 5, 6]
    assert codec.decode([2, 3, 5, 6]) == "क्षमा"
    assert codec.encode("म्क") == [1]
    assert codec.unknown == {"म्": 1}
    assert split_symbols(change_charset(charset, "+म्")) == [*codec.symbols, "म्"]
