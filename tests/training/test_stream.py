import itertools

import pytest
import torch
from torch.utils.data import DataLoader

from ocr_pipeline.training.stream import Stream, generator_states
from recognition.codec import Codec
from recognition.data import WordCrops
from tests.recognition.test_data import page_of

PAGES = [page_of(["abba", "cab", "head"]), page_of(["fade", "bed"])]


def loader(workers):
    words = WordCrops(sources=[(PAGES, 1.0)], codec=Codec(charset="abcdefgh"), max_pixels=32 * 96)
    return DataLoader(words, batch_size=None, num_workers=workers)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("step", [4, 6])
def test_a_resumed_stream_gives_the_batches_and_draws_of_one_that_ran_through(workers, step):
    draws, states = [], []
    whole = Stream(lambda: loader(workers), seed=3, segment=4)
    for batch in itertools.islice(whole, 9):
        draws.append((batch["images"].sum().item(), torch.rand(1).item()))
        states.append(generator_states())
    assert len({total for total, _ in draws}) > 6
    resumed = Stream(lambda: loader(workers), seed=3, segment=4)
    resumed.resume(step, states[step - 1])
    torch.manual_seed(0)
    again = [
        (batch["images"].sum().item(), torch.rand(1).item())
        for batch in itertools.islice(resumed, 9 - step)
    ]
    assert again == draws[step:]


def test_data_that_end_are_refused():
    with pytest.raises(ValueError, match="they must be endless"):
        list(Stream(lambda: [1, 2], seed=0, segment=4))


@pytest.mark.parametrize("error", [ConnectionResetError, EOFError])
def test_a_worker_that_dies_while_its_batch_is_fetched_is_told_of(error):
    def batches():
        yield 1
        raise error

    stream = iter(Stream(batches, seed=1, segment=5))
    assert next(stream) == 1
    with pytest.raises(ChildProcessError, match="was killed"):
        next(stream)


def test_passing_over_what_was_seen_can_be_ended():
    def check():
        raise KeyboardInterrupt

    stream = Stream(lambda: loader(0), seed=0, segment=4, check=check)
    stream.resume(3, None)
    with pytest.raises(KeyboardInterrupt):
        next(iter(stream))
