import pytest
import torch


@pytest.fixture(scope="session")
def one_thread():
    """Threads cost more than they bring on toy models, and stall where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
