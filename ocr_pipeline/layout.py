"""Words -> lines -> blocks, in reading order, from geometry alone.

All work is done in the frame of the text: coordinates are turned by the page's text angle, so
that a tilted page is as good as a straight one, and all distances are measured in heights of the
words at hand, so that the scale of the page does not matter.

1. Words are linked to their right neighbour where the gap is small: runs of text.
2. Gaps that lie one below the other form white strips. A strip with a column of prose on either
   side is a gutter. It goes on upwards and downwards until a word or a mere space crosses it, or
   a table is there: rows across it between blank bands, hardly any of them full as prose is; or
   the running head or foot.
3. Words are linked again over any gap, but not over a gutter: lines. So a table or a form is read
   row by row, and print in columns column by column.
4. Lines one below the other form blocks, as in 2, where the distance is the usual one. In prose,
   an indented line begins a new block.
5. Blocks are ordered by what must come before what: the upper of two that share a stretch of x;
   the left one of two that share a stretch of y or have a gutter between them. Among the blocks
   that may come next, the one below the last is taken, else the topmost. The two relations are
   those of Breuel, "High performance document layout analysis" (2003).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise

import numpy as np

from ocr_pipeline.directions import directions, quad_heights, weighted_median, within
from ocr_pipeline.results import Block, Line, Quad, Word, as_quad

#: Words on one line share this much of the smaller one's height, those beside one another in two
#: columns, whose lines may be offset, this much.
LINE_OVERLAP, ROW_OVERLAP = 0.5, 0.25
#: Gaps inside a run of text, in word heights. A space is about 0.3, in justified print up to 1;
#: gutters begin at about 1.
SPACE, RUN_GAP = 0.3, 0.8
#: Neighbours are sought this many usual heights away first, and farther where there are none; what
#: is found is the same for any number.
NEAR = 2.0
#: Lines of a block are as far apart as the page's lines usually are, give or take this many line
#: heights.
BLOCK_SLACK = 0.4
#: A block does not mix line heights further apart than this ratio.
HEIGHT_RATIO = 0.6
#: Prose: at least this many runs, with this many words each (median), and the median run this wide
#: against the wide ones (the 0.8 quantile).
PROSE_RUNS, PROSE_WORDS, PROSE_FILL = 3, 3, 0.7
#: At least this many runs make a long column; one well filled may have a word less a run.
LONG_RUNS, LONG_FILL = 8, 0.85
#: A line is full if its words take up this share of its column's width.
FULL_LINE = 0.5
#: Tables between columns of prose: at least this many rows, and not more than this many full lines
#: for each, of the two that a row of prose has.
TABLE_ROWS, TABLE_FULL = 2, 0.5
#: First lines of paragraphs are indented by this many line heights, all alike but for this many.
INDENT, INDENT_SLACK = (0.7, 3.0), 0.4
#: Indented prose: this share of its lines begins at the left edge, and a line has at least this
#: many words (median).
FLUSH_LINES, FLUSH_WORDS = 0.6, 4
#: At least this many of its lines are followed by one at the left edge, and this share of them is
#: full.
WRAPPED_LINES, WRAPPED_FULL = 3, 0.85
#: Gutters are at least this many word heights wide, and short ones this many spaces.
MIN_GUTTER, GUTTER_SPACES = 0.6, 1.5
#: A word this much longer than high has a direction of its own; of shorter ones it means little.
ELONGATED = 1.5


def text_angle(words: Sequence[Word]) -> float:
    """Direction of a page's text, in degrees clockwise from the x axis, -180 to 180.

    The median of the words' directions weighted by their length, within 45 degrees of the quarter
    turn that most of the text has. 0 for a page without words.
    """
    if not words:
        return 0.0
    angles, lengths = directions(_quads(words))
    quarter = _main_quarter(angles, lengths)
    offsets = (angles - 90 * quarter + 180) % 360 - 180
    near = np.abs(offsets) <= 45
    middle = weighted_median(offsets[near], lengths[near])
    return (90 * quarter + middle + 180) % 360 - 180


def arrange(words: Sequence[Word]) -> list[Block]:
    """Group a page's words into blocks of lines, all in reading order.

    Every word comes back exactly once. Words turned by a quarter or more against the rest of the
    page (the spine of a table, a stamp) are arranged among themselves and follow the rest.
    """
    if not words:
        return []
    quads = _quads(words)
    angle = text_angle(words)
    blocks = []
    for quarter, members in _by_quarter(quads, angle):
        frame = _Frame(quads[members], angle + 90 * quarter)
        for lines in _arrange_upright(frame.boxes):
            blocks.append(
                Block(
                    lines=tuple(
                        Line(tuple(words[members[k]] for k in line), frame.enclose(line))
                        for line in lines
                    ),
                    quad=frame.enclose([k for line in lines for k in line]),
                )
            )
    return blocks


def _quads(words: Sequence[Word]) -> np.ndarray:
    return np.array([word.quad for word in words], dtype=np.float64)  # (N, 4, 2)


def _main_quarter(angles: np.ndarray, lengths: np.ndarray) -> int:
    """The quarter turn, 0 to 3, with most text."""
    quarters = np.round(angles / 90).astype(int) % 4
    return int(np.bincount(quarters, weights=lengths, minlength=4).argmax())


def _by_quarter(quads: np.ndarray, angle: float) -> list[tuple[int, np.ndarray]]:
    """Split words by their quarter turn against `angle`, those that go along with it first."""
    angles, lengths = directions(quads)
    quarters = np.round((angles - angle) / 90).astype(int) % 4
    quarters[lengths < ELONGATED * quad_heights(quads)] = 0
    groups = [(quarter, np.flatnonzero(quarters == quarter)) for quarter in range(4)]
    return [(quarter, members) for quarter, members in groups if len(members)]


class _Frame:
    """Words seen along a direction: boxes (N, 4) of left, top, right, bottom in turned pixels."""

    def __init__(self, quads: np.ndarray, angle: float):
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        self.turn = np.array([[cos, -sin], [sin, cos]])  # row vectors: page @ turn = frame
        turned = quads @ self.turn
        self.boxes = np.concatenate([turned.min(axis=1), turned.max(axis=1)], axis=1)

    def enclose(self, members: Sequence[int]) -> Quad:
        """The smallest quad along the direction around some words, in page pixels."""
        left, top, right, bottom = _enclose(self.boxes, members)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        return as_quad(corners @ self.turn.T)


def _enclose(boxes: np.ndarray, members: Sequence[int]) -> np.ndarray:
    some = boxes[list(members)]
    return np.concatenate([some[:, :2].min(axis=0), some[:, 2:].max(axis=0)])


def _arrange_upright(boxes: np.ndarray) -> list[list[list[int]]]:
    """Blocks of lines of word indices, for boxes (N, 4) of upright words."""
    gutters = _find_gutters(boxes)
    links = _link_right(boxes, RUN_GAP, gutters)
    lines = _chains(_link_right(boxes, np.inf, gutters, links))

    line_boxes = np.array([_enclose(boxes, line) for line in lines])
    blocks = _chains(_link_below(line_boxes, _heights(boxes, lines)))
    block_boxes = np.array([_enclose(line_boxes, block) for block in blocks])
    unit = float(np.median(boxes[:, 3] - boxes[:, 1]))
    return [
        paragraph
        for b in _order(block_boxes, gutters, unit)
        for paragraph in _paragraphs(boxes, [lines[k] for k in blocks[b]])
    ]


def _heights(boxes: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    heights = boxes[:, 3] - boxes[:, 1]
    return np.array([np.median(heights[group]) for group in groups])


def _overlapping(
    low: np.ndarray, high: np.ndarray, first: np.ndarray, second: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Ordered pairs (i, j) of different intervals that overlap, and by how much, some at a time.

    i is among `first`, j among `second`, indices both.
    """
    longest = (high - low)[second].max(initial=0)
    for i, j in within(low[second], low[first] - longest, high[first]):
        i, j = first[i], second[j]
        shared = np.minimum(high[i], high[j]) - np.maximum(low[i], low[j])
        keep = (shared > 0) & (i != j)
        yield i[keep], j[keep], shared[keep]


def _together(
    parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that came some at a time, and what goes with them."""
    i, j, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return i, j, values


def _mutual(i: np.ndarray, j: np.ndarray, keys: Sequence[np.ndarray], count: int) -> np.ndarray:
    """links (count,): links[i] = j where each is the other's best by `keys` (first decides)."""
    links = np.full(count, -1)
    if len(i) == 0:
        return links
    best = {}
    for name, ends in (("next", i), ("previous", j)):
        order = np.lexsort((j, i, *reversed(keys), ends))
        heads = order[np.unique(ends[order], return_index=True)[1]]
        best[name] = np.zeros(len(i), dtype=bool)
        best[name][heads] = True
    chosen = best["next"] & best["previous"]
    links[i[chosen]] = j[chosen]
    return links


def _inverse(links: np.ndarray) -> np.ndarray:
    back = np.full(len(links), -1)
    linked = np.flatnonzero(links >= 0)
    back[links[linked]] = linked
    return back


def _follow(start: int, links: np.ndarray) -> list[int]:
    """An index and those that follow it."""
    chain = [start]
    while links[chain[-1]] >= 0:
        chain.append(int(links[chain[-1]]))
    return chain


def _chains(links: np.ndarray) -> list[list[int]]:
    """Follow links (-1 ends a chain) into lists that hold every index once."""
    return [_follow(start, links) for start in np.flatnonzero(_inverse(links) < 0).tolist()]


def _link_right(
    boxes: np.ndarray,
    max_gap: float,
    gutters: Sequence[np.ndarray],
    links: np.ndarray | None = None,
    overlap: float = LINE_OVERLAP,
) -> np.ndarray:
    """Link each word to the next one on its line, at most `max_gap` heights away.

    Links that exist already are kept. No new one crosses a gutter.
    """
    before, after = np.ones((2, len(boxes)), dtype=bool)
    if links is not None:  # only the ends of runs are free
        before, after = links < 0, _inverse(links) < 0
    look = partial(_to_the_right, boxes, max_gap=max_gap, gutters=gutters, overlap=overlap)
    near = look(before, after, reach=NEAR * float(np.median(boxes[:, 3] - boxes[:, 1])))
    # Only what has no neighbour near by has its nearest one farther off: most pairs need no look.
    ends, starts = before.copy(), after.copy()
    ends[near[0]] = starts[near[1]] = False
    i, j, gap = _together([near, look(ends, after), look(before & ~ends, starts)])
    step = boxes[j, ::2].sum(axis=1) - boxes[i, ::2].sum(axis=1)
    new = _mutual(i, j, (gap, step), len(boxes))
    return new if links is None else np.where(links >= 0, links, new)


def _to_the_right(
    boxes: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    *,
    max_gap: float,
    gutters: Sequence[np.ndarray],
    overlap: float,
    reach: float = np.inf,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (i, j) of words on a line, j on the right of i, and the gap between them.

    before, after: bool (N,), which words i may be and which j. The gap is at most `max_gap` heights
    and `reach` pixels, and no gutter lies in it.
    """
    left, top, right, bottom = boxes.T
    height = bottom - top
    found = []
    for i, j, shared in _overlapping(top, bottom, np.flatnonzero(before), np.flatnonzero(after)):
        gap = np.maximum(left[j] - right[i], 0)
        keep = (
            (left[j] + right[j] > left[i] + right[i])
            & (shared >= overlap * np.minimum(height[i], height[j]))
            & (gap <= np.minimum(max_gap * (height[i] + height[j]) / 2, reach))
        )
        i, j, gap = i[keep], j[keep], gap[keep]
        for gutter in gutters:
            free = ~_separates(gutter, boxes[i], boxes[j])
            i, j, gap = i[free], j[free], gap[free]
        found.append((i, j, gap))
    return _together(found)


def _link_below(boxes: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Link each run or line to the one below it that continues its column.

    Only where neither has a second neighbour there, the heights are alike and the distance is
    what it usually is.
    """
    left, top, right, bottom = boxes.T
    middle = (top + bottom) / 2
    everyone = np.arange(len(boxes))
    i, j, shared = _together(_overlapping(left, right, everyone, everyone))
    smaller = np.minimum(heights[i], heights[j])
    step = middle[j] - middle[i]
    narrower = np.minimum(right[i] - left[i], right[j] - left[j])
    keep = (step > smaller / 2) & (shared > np.minimum(smaller, narrower) / 2)
    i, j, step = i[keep], j[keep], step[keep]
    if len(i) == 0:
        return np.full(len(boxes), -1)

    # A neighbour has a rival if another one stands beside it, at about the same distance.
    sole = np.ones(len(i), dtype=bool)
    for ends in (i, j):
        nearest = np.full(len(boxes), np.inf)
        np.minimum.at(nearest, ends, step)
        near = step < nearest[ends] + np.minimum(heights[i], heights[j]) / 2
        rivals = np.bincount(ends[near], minlength=len(boxes))
        sole &= near & (rivals[ends] == 1)
    i, j, step = i[sole], j[sole], step[sole]

    smaller, larger = np.minimum(heights[i], heights[j]), np.maximum(heights[i], heights[j])
    alike = smaller >= HEIGHT_RATIO * larger
    gap = step / np.maximum(smaller, 1) - 1
    usual = np.clip(np.median(gap[alike]), 0, 1.5) if alike.any() else 0.0
    keep = alike & (gap <= usual + BLOCK_SLACK)
    return _mutual(i[keep], j[keep], (step[keep],), len(boxes))


def _paragraphs(boxes: np.ndarray, lines: list[list[int]]) -> list[list[list[int]]]:
    """Cut the lines of a block before those that are indented, if they are running prose.

    In prose, a line that is followed by one at the left edge ends because the next word had no
    room. That is not so in verse, in lists with hanging indents and in columns of names.
    """
    left, _, right, _ = np.array([_enclose(boxes, line) for line in lines]).T
    height = max(float(np.median(_heights(boxes, lines))), 1)
    edge = np.quantile(left, 0.25)  # a line may stick out
    indents = (left - edge) / height
    flush = np.abs(indents) < INDENT_SLACK
    indented = (indents >= INDENT[0]) & (indents <= INDENT[1])
    count = np.median([len(line) for line in lines])
    if not indented.any() or flush.mean() < FLUSH_LINES or count < FLUSH_WORDS:
        return [lines]
    indented &= np.abs(indents - np.median(indents[indented])) < INDENT_SLACK

    widths = boxes[:, 2] - boxes[:, 0]
    first = np.array([widths[line[0]] for line in lines])
    ink = np.array([widths[line].sum() for line in lines])
    room = right.max() - right[:-1] > first[1:] + SPACE * height  # for the next line's first word
    full = ~room & (ink[:-1] > FULL_LINE * (right.max() - edge))
    wrapped = full[flush[1:]]
    # An indented line that follows a full one like it goes on with a quotation.
    starts = np.flatnonzero(indented[1:] & (room | flush[:-1])) + 1
    if len(wrapped) < WRAPPED_LINES or wrapped.mean() < WRAPPED_FULL or not room[starts - 1].any():
        return [lines]
    return [lines[a:b] for a, b in pairwise([0, *starts.tolist(), len(lines)])]


def _find_gutters(boxes: np.ndarray) -> list[np.ndarray]:
    """White strips (left, top, right, bottom) between columns of prose."""
    after = _link_right(boxes, np.inf, gutters=[], overlap=ROW_OVERLAP)
    linked = np.flatnonzero(after >= 0)
    bars = _bars(boxes, linked, after[linked])

    def crossing(gutter: np.ndarray) -> np.ndarray:
        """The words before the gaps in which a gutter lies."""
        return linked[_separates(gutter, boxes[linked], boxes[after[linked]])]

    # A heading or an inset may part a strip in two; what counts is how far it goes on.
    found = [s for s in _white_strips(boxes, after) if len(s.words) >= PROSE_RUNS]
    reaching = [(strip, crossing(_extend(strip, boxes, bars))) for strip in found]
    reaching.sort(key=lambda pair: -len(pair[1]))
    strips, reach = [strip for strip, _ in reaching], [words for _, words in reaching]
    runs = _link_right(boxes, RUN_GAP, gutters=[])
    row_of = np.empty(len(boxes), dtype=int)  # the number of each word's row
    for number, row in enumerate(_chains(after)):
        row_of[row] = number
    tables = [_tables(strip, boxes, after, runs, row_of) for strip in strips]
    gutters: dict[int, list[np.ndarray]] = {}
    for index, strip in list(enumerate(strips)) * 2:  # once more, when all the others are known
        parts = _cut(strip, tables[index], boxes, after)
        words = [word for part in parts for word in part.words]
        if len(words) < PROSE_RUNS:
            continue
        # What is as long as this one bounds its columns; wide spaces meet in short strips only.
        rows = after.copy()
        for rival in reach:
            if 2 * len(rival) >= len(reach[index]):
                rows[rival] = -1
        for gutter in (gutter for pieces in gutters.values() for gutter in pieces):
            rows[crossing(gutter)] = -1
        back = _inverse(rows)
        left = [_follow(word, back) for word in words]
        right = [_follow(word, rows) for word in after[words]]
        gap = min(part.right - part.left for part in parts)
        if all(_is_prose(boxes, side, gap) for side in (left, right)):
            ends = np.concatenate([bars, tables[index]])
            gutters[index] = [_extend(part, boxes, ends) for part in parts]
    return [gutter for pieces in gutters.values() for gutter in pieces]


def _tables(
    strip: "_Strip", boxes: np.ndarray, after: np.ndarray, runs: np.ndarray, row_of: np.ndarray
) -> np.ndarray:
    """Tables that a strip between columns must not cut: boxes (T, 4) across the whole page.

    Blank bands across both columns part the page into sections. One with rows across the strip and
    hardly any full line is a table, or a part of one with the sections next to it. So is a single
    such row at the head or the foot of the page, where the title and the number stand.
    """
    left, top, right, bottom = boxes.T
    height = float(np.median((bottom - top)[strip.words]))
    middle = (strip.left + strip.right) / 2

    # The columns are as wide as the widest runs beside the strip.
    runs = runs.copy()
    runs[strip.words] = -1
    back = _inverse(runs)
    start = min(left[_follow(word, back)[-1]] for word in strip.words)
    end = max(right[_follow(word, runs)[-1]] for word in after[strip.words])
    inside = (right > start) & (left < end)

    # Rows have words on both sides of the strip, or one across it. Each side of a row is a line.
    across = (left < middle) & (np.where(after >= 0, left[after], right) > middle)
    on_right = left + right > 2 * middle
    _, first, line = np.unique(2 * row_of + on_right, return_index=True, return_inverse=True)
    ink = np.bincount(line, weights=np.where(inside, right - left, 0))
    full = first[ink > FULL_LINE * np.where(on_right, end - middle, middle - start)[first]]

    order = np.flatnonzero(inside)[np.argsort(top[inside], kind="stable")]
    lowest = np.maximum.accumulate(bottom[order])
    # The smaller steps are those of the prose: rows of a table may be farther apart.
    step = np.quantile(np.diff(np.sort((top + bottom)[strip.words] / 2)), 0.25)
    white = max(step - height, 0) + BLOCK_SLACK * height
    bands = np.flatnonzero(top[order][1:] - lowest[:-1] > white)
    tops, bottoms = top[order][[0, *bands + 1]], lowest[[*bands, -1]]

    def count(words: np.ndarray) -> np.ndarray:
        sections = np.searchsorted(tops, top[words], side="right") - 1
        return np.bincount(np.maximum(sections, 0), minlength=len(tops))

    rows = count(np.flatnonzero(across))
    sparse = count(full) <= TABLE_FULL * rows
    tables = []
    for is_sparse, group in groupby(range(len(tops)), key=sparse.__getitem__):
        sections = list(group)
        outermost = sections[0] == 0 or sections[-1] == len(tops) - 1
        if is_sparse and rows[sections].sum() >= (1 if outermost else TABLE_ROWS):
            tables.append((-np.inf, tops[sections[0]], np.inf, bottoms[sections[-1]]))
    return np.array(tables).reshape(-1, 4)


def _cut(
    strip: "_Strip", tables: np.ndarray, boxes: np.ndarray, after: np.ndarray
) -> list["_Strip"]:
    """What tables leave of a strip, from top to bottom."""
    words = np.array(strip.words)
    y = (boxes[words, 1] + boxes[words, 3])[:, None] / 2
    free = ~((y > tables[:, 1]) & (y < tables[:, 3])).any(axis=1)
    passed = (y > tables[:, 3]).sum(axis=1)
    parts = [words[free & (passed == k)] for k in np.unique(passed[free])]
    return [
        _Strip(boxes[part, 2].max(), boxes[after[part], 0].min(), boxes[part[-1], 3], part.tolist())
        for part in parts
    ]


def _bars(boxes: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """What no gutter can cross: words, and pairs of neighbours (i, j) with a mere space between."""
    first, second = boxes[i], boxes[j]
    height = np.minimum(first[:, 3] - first[:, 1], second[:, 3] - second[:, 1])
    close = second[:, 0] - first[:, 2] < MIN_GUTTER * height
    first, second = first[close], second[close]
    pairs = [np.minimum(first[:, :2], second[:, :2]), np.maximum(first[:, 2:], second[:, 2:])]
    return np.concatenate([boxes, np.concatenate(pairs, axis=1)])


def _extend(strip: "_Strip", boxes: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """The gutter of a strip: it goes on upwards and downwards until some bar crosses it."""
    left, top, right, bottom = bars.T
    middle = (top + bottom) / 2
    crossing = (left < strip.left) & (right > strip.right)
    above = bottom[crossing & (middle < boxes[strip.words[0], 3])]
    below = top[crossing & (middle > boxes[strip.words[-1], 1])]
    return np.array(
        [strip.left, above.max(initial=-np.inf), strip.right, below.min(initial=np.inf)]
    )


@dataclass
class _Strip:
    """White between words, row after row: where all rows have it, and the words on its left."""

    left: float
    right: float
    bottom: float
    words: list[int]


def _white_strips(boxes: np.ndarray, after: np.ndarray) -> list[_Strip]:
    """Gaps of at least a gutter's width that lie one below the other."""
    left, top, right, bottom = boxes.T
    words = np.flatnonzero(after >= 0)
    gaps = left[after[words]] - right[words]
    heights = (bottom - top)[words]
    wide = gaps >= MIN_GUTTER * heights
    words, heights = words[wide], heights[wide]
    strips: list[_Strip] = []
    active: list[_Strip] = []
    for k in np.argsort((top + bottom)[words], kind="stable"):
        word, height = int(words[k]), heights[k]
        low, high = right[word], left[after[word]]
        active = [s for s in active if top[word] - s.bottom <= 3 * height]
        found = False
        for strip in active:
            common = max(low, strip.left), min(high, strip.right)
            if common[1] - common[0] >= MIN_GUTTER * height:
                strip.left, strip.right = common
                strip.bottom = bottom[word]
                strip.words.append(word)
                found = True
        if not found:
            active.append(_Strip(low, high, bottom[word], [word]))
            strips.append(active[-1])
    return strips


def _is_prose(boxes: np.ndarray, runs: list[list[int]], gap: float) -> bool:
    """Whether runs of words, one below the other, are a column of prose beside a gap this wide."""
    extents = np.array([_enclose(boxes, run) for run in runs])
    widths = extents[:, 2] - extents[:, 0]
    fill = np.median(widths) / np.quantile(widths, 0.8)
    words = np.median([len(run) for run in runs])
    if len(runs) >= LONG_RUNS and fill >= LONG_FILL and words >= PROSE_WORDS - 1:
        return True
    if fill < PROSE_FILL or words < PROSE_WORDS:
        return False
    pairs = [pair for run in runs for pair in pairwise(sorted(run, key=lambda k: boxes[k, 0]))]
    spaces = [boxes[b, 0] - boxes[a, 2] for a, b in pairs]
    return len(runs) >= LONG_RUNS or gap >= GUTTER_SPACES * float(np.median(spaces))


def _separates(gutter: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether the gutter lies between boxes a and b (..., 4), a on its left."""
    left, top, right, bottom = gutter
    middle = (left + right) / 2
    beside = [(box[..., 1] < bottom) & (box[..., 3] > top) for box in (a, b)]
    return (a[..., 2] <= middle) & (b[..., 0] >= middle) & beside[0] & beside[1]


def _order(boxes: np.ndarray, gutters: Sequence[np.ndarray], unit: float) -> list[int]:
    """Reading order of blocks (B, 4); `unit` is the height of a usual word."""
    left, top, right, bottom = boxes.T
    x, y = (left + right) / 2, (top + bottom) / 2

    def share(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        shared = np.minimum.outer(high, high) - np.maximum.outer(low, low)
        size = np.minimum.outer(high - low, high - low)
        return shared > np.minimum(unit, size) / 2

    share_x, share_y = share(left, right), share(top, bottom)
    before = share_x & np.less.outer(y, y)
    before |= ~share_x & share_y & np.less.outer(x, x)
    for gutter in gutters:
        apart = _separates(gutter, boxes[:, None], boxes[None, :])
        before |= apart
        before &= ~apart.T
    np.fill_diagonal(before, False)

    waits = before.sum(axis=0)
    left_over = np.ones(len(boxes), dtype=bool)
    order: list[int] = []
    while left_over.any():
        free = np.flatnonzero(left_over & (waits == 0))
        if len(free) == 0:  # a circle of blocks that intertwine: the topmost breaks it
            free = np.flatnonzero(left_over)
        below = free[share_x[order[-1], free] & (y[free] > y[order[-1]])] if order else free
        candidates = below if len(below) else free
        nearest = candidates[np.lexsort((left[candidates], top[candidates]))[0]]
        order.append(int(nearest))
        left_over[nearest] = False
        waits -= before[nearest]
    return order
