from collections import Counter

import numpy as np
import pytest

from synthesis.corpus import LANGUAGES, SIGNS, Corpus

MAKERS = [
    name
    for name in vars(Corpus)
    if not name.startswith("_")
    and name not in {"chance", "pick", "one_of", "between", "digits", "letters", "words"}
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_is_printable_and_the_same_for_a_seed(language):
    texts = []
    for _ in range(2):
        corpus = Corpus(np.random.default_rng(3), language=language)
        made = [getattr(corpus, name)() for name in MAKERS for _ in range(40)]
        texts.append(
            [part for text in made for part in ([text] if isinstance(text, str) else text)]
        )
    assert texts[0] == texts[1]
    assert all(texts[0])
    strange = set("".join(texts[0])) - set(SIGNS) - set(" ªº†ñ")
    assert not strange


def test_every_sign_is_met_often():
    corpus = Corpus(np.random.default_rng(0), language="en")
    words = " ".join(corpus.paragraph() for _ in range(1500)).split()
    count = Counter("".join(words))
    rate = {sign: count[sign] / len(words) for sign in SIGNS}
    assert min(rate.values()) > 3e-4, min(rate, key=rate.__getitem__)
