"""CTC output -> symbols with time spans (Graves et al. 2006)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby, pairwise

import numpy as np
from torch import Tensor

from recognition.codec import Codec
from recognition.language import Context, LanguageModel
from recognition.lexicon import Lexicon


@dataclass(frozen=True)
class Decoded:
    """One crop's symbols.

    Attributes:
        indices: label indices.
        frames: for each symbol, its time steps [first, last + 1).
        confidence: probability of what the decoder followed, 0..1: of the best path (the product
            over the valid time steps of the likeliest class's probability), or, where other texts
            were searched for, of all paths that the beam search saw spell the text. Where a
            language model or a lexicon may have its say, it is the geometric mean of that and of
            the probability with their opinions counted.
    """

    indices: list[int]
    frames: list[tuple[int, int]]
    confidence: float


def greedy_decode(logits: Tensor, steps: Sequence[int]) -> list[Decoded]:
    """Best path of each crop.

    Args:
        logits: (B, T, V) class scores.
        steps: B valid time steps; later ones are never looked at.
    """
    scores, classes = logits.float().log_softmax(dim=2).max(dim=2)
    all_scores, all_classes = scores.cpu().numpy(), classes.cpu().numpy()
    return [
        _collapse(row[:valid], float(np.exp(path[:valid].sum(dtype=np.float64))))
        for row, path, valid in zip(all_classes, all_scores, steps, strict=True)
    ]


def beam_decode(
    logits: Tensor,
    steps: Sequence[int],
    *,
    width: int,
    margin: float = math.inf,
    language: LanguageModel | None = None,
    lexicon: Lexicon | None = None,
    sure: float = 1.0,
) -> list[Decoded]:
    """Likeliest text of each crop, by prefix beam search (Graves and Jaitly 2014, algorithm 1).

    A text's probability is the sum over all paths that spell it, so this finds texts whose
    paths are many and each less likely than the best one. A language model's opinion counts
    besides, at every symbol ("shallow fusion"), and a lexicon's at the end.

    Args:
        logits: (B, T, V) class scores.
        steps: B valid time steps; later ones are never looked at.
        width: texts kept after each step at most.
        margin: texts less likely than the best by more than this, in nats, are dropped.
        language, lexicon: the language model, and what tells of those texts that are left at the
            end which are words; where the best path finds no text, they are not asked for one.
        sure: best paths of this probability and more are taken as they are.
    """
    decoded = greedy_decode(logits, steps)
    advised = language is not None or lexicon is not None
    unsure = [
        index
        for index, best in enumerate(decoded)
        if best.confidence < sure and (best.indices or not advised)
    ]
    if advised:  # nothing speaks against what is taken as it is: the second probability is 1
        decoded = [replace(best, confidence=best.confidence**0.5) for best in decoded]
    scores = logits[unsure].float().log_softmax(dim=2).cpu().numpy().astype(np.float64)
    for index, row in zip(unsure, scores, strict=True):
        best = decoded[index]
        decoded[index] = _search(row[: steps[index]], best, width, margin, language, lexicon)
    return decoded


def _search(
    scores: np.ndarray,
    path: Decoded,
    width: int,
    margin: float,
    language: LanguageModel | None,
    lexicon: Lexicon | None,
) -> Decoded:
    """Prefix beam search in one crop's log probabilities (T, V), of which `path` is the best."""
    # Of each prefix, the log probability of its paths that end in a blank, and of those that end
    # in its last symbol; what the language model adds to it, and the context behind it.
    beams: dict[Prefix, tuple[float, float]] = {(): (0.0, -math.inf)}
    said: dict[Prefix, float] = {(): 0.0}
    contexts: dict[Prefix, Context] = {(): LanguageModel.START}

    for frame in scores:
        likely = np.flatnonzero(frame > _NEGLIGIBLE).tolist()
        blank_score = float(frame[Codec.BLANK])
        if likely == [Codec.BLANK]:  # as most are: no text grows, and their order stays
            beams = {
                prefix: (_add(*ends) + blank_score, -math.inf) for prefix, ends in beams.items()
            }
            continue
        # What stays as it is, first.
        grown: dict[Prefix, tuple[float, float]] = {}
        ranks: dict[Prefix, float] = {}
        for prefix, (blank, symbol) in beams.items():
            again = symbol + float(frame[prefix[-1]]) if prefix else -math.inf
            grown[prefix] = _add(blank, symbol) + blank_score, again
            ranks[prefix] = _add(*grown[prefix]) + said[prefix]
        # Then what gets longer, unless no opinion can save it; the likeliest first, which tells of
        # most others that nothing can.
        likely.sort(key=frame.__getitem__, reverse=True)
        least = max(ranks.values()) - margin - _MOST_SAID
        parents = {prefix[:-1] for prefix in beams}
        for prefix, (blank, symbol) in beams.items():
            either, before = _add(blank, symbol), said[prefix]
            for index in likely:
                if index == Codec.BLANK:
                    continue
                # Without a blank between them, two alike are one.
                alike = prefix and index == prefix[-1]
                score = float(frame[index]) + (blank if alike else either)
                hopeless = score + before < least
                if hopeless and prefix not in parents:
                    continue
                text = (*prefix, index)
                if hopeless and text not in beams:
                    continue
                if text not in said:
                    said[text] = before + _told(language, contexts[prefix], index)
                stays, again = grown.get(text, (-math.inf, -math.inf))
                grown[text] = stays, _add(again, score)
                ranks[text] = _add(*grown[text]) + said[text]
                least = max(least, ranks[text] - margin - _MOST_SAID)
        best = sorted(ranks, key=ranks.__getitem__, reverse=True)[:width]
        beams = {each: grown[each] for each in best if ranks[each] >= ranks[best[0]] - margin}
        for each in beams.keys() - contexts.keys():
            before_it = contexts[each[:-1]]
            contexts[each] = before_it if language is None else language.after(before_it, each[-1])
    seen = {prefix: _add(*ends) for prefix, ends in beams.items()}
    ranks = {
        prefix: score + said[prefix] + _told(language, contexts[prefix], Codec.BLANK)
        for prefix, score in seen.items()
    }
    if lexicon is not None:
        for prefix in ranks:
            ranks[prefix] += _WORD_WEIGHT * lexicon.familiarity(prefix)
    likeliest = max(ranks, key=ranks.__getitem__)
    # Of all that the image leaves possible, the share that all opinions together give the text.
    agreed = _total(seen.values()) + ranks[likeliest] - _total(ranks.values())
    return Decoded(
        indices=list(likeliest),
        frames=path.frames if likeliest == (*path.indices,) else _align(scores, likeliest),
        confidence=min(math.exp((seen[likeliest] + agreed) / 2), 1.0),
    )


#: Label indices of the beginning of a text.
Prefix = tuple[int, ...]

#: How much the language model's opinion counts beside the image's, and the lexicon's. These three
#: were chosen on SROIE's, Tapuscorpus' and ICDAR 2015's validation words (docs/results.md).
_LANGUAGE_WEIGHT = 0.2
_WORD_WEIGHT = 0.6
#: What each symbol gets besides, for the language model alone finds short texts the likeliest.
_SYMBOL_BONUS = 0.4
#: The most that the language model adds for one: the logarithm of a probability is below 0.
_MOST_SAID = _SYMBOL_BONUS


def _told(language: LanguageModel | None, context: Context, index: int) -> float:
    """What the language model adds to a text for one more label, or for its end."""
    if language is None:
        return 0.0
    bonus = 0.0 if index == Codec.BLANK else _SYMBOL_BONUS
    return _LANGUAGE_WEIGHT * language.scores(context)[index] + bonus


#: Log probability below which a class makes no text longer.
_NEGLIGIBLE = math.log(1e-3)


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


def _total(values: Iterable[float]) -> float:
    """The logarithm of the sum of all exp(value)."""
    return reduce(_add, values, -math.inf)


def _align(scores: np.ndarray, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Time steps of each symbol on the likeliest path (Viterbi) that spells all of them."""
    states = np.full(2 * len(indices) + 1, Codec.BLANK)  # blank, symbol, blank, symbol ... blank
    states[1::2] = indices
    skips = np.zeros(len(states), dtype=bool)  # from symbol to symbol, unless they are alike
    skips[3::2] = states[3::2] != states[1:-2:2]
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, states[:2]]
    origins = np.zeros((len(scores), len(states)), dtype=int)
    for time in range(1, len(scores)):
        step = np.concatenate([[-np.inf], best[:-1]])
        skip = np.where(skips, np.concatenate([[-np.inf, -np.inf], best])[: len(states)], -np.inf)
        options = np.stack([best, step, skip])
        origins[time] = options.argmax(axis=0)
        best = options.max(axis=0) + scores[time, states]
    path = [len(states) - 1 if len(states) == 1 or best[-1] >= best[-2] else len(states) - 2]
    for time in range(len(scores) - 1, 0, -1):
        path.append(path[-1] - int(origins[time, path[-1]]))
    visits = np.array(path[::-1])
    spans = [np.flatnonzero(visits == 2 * k + 1) for k in range(len(indices))]
    return [(int(span[0]), int(span[-1]) + 1) for span in spans]


def _collapse(classes: np.ndarray, confidence: float) -> Decoded:
    """Merge runs of one class, drop blanks."""
    indices, frames = [], []
    end = 0
    for symbol, run in groupby(classes.tolist()):
        start, end = end, end + len(list(run))
        if symbol != Codec.BLANK:
            indices.append(symbol)
            frames.append((start, end))
    return Decoded(indices=indices, frames=frames, confidence=confidence)


def character_spans(frames: Sequence[tuple[int, int]], steps: float) -> list[tuple[float, float]]:
    """Each symbol's [left, right] as fractions of the crop's width.

    `steps` is that width in time steps, of which the last may be a part.

    CTC marks a symbol near its middle, in one or two steps, so neighbours meet half way between
    their marks; the first begins at 0 and the last ends at 1.

    >>> character_spans([(1, 2), (5, 7)], 8)
    [(0.0, 0.46875), (0.46875, 1.0)]
    """
    if not frames:
        return []
    middles = [min((first + end) / 2 / steps, 1.0) for first, end in frames]
    inner = [(a + b) / 2 for a, b in pairwise(middles)]
    edges = [0.0, *inner, 1.0]
    return list(pairwise(edges))
