"""Small networks are trained with one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from kan import KAN, create_dataset
from kan.training.threads import threads_for


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("products", "threads"), [(1000, 1), (10**9, 2)])
def test_few_products_take_one_thread(products: int, threads: int) -> None:
    with threads_for(products):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 2


def test_the_number_is_restored_after_an_exception() -> None:
    with pytest.raises(KeyboardInterrupt), threads_for(1000):
        raise KeyboardInterrupt
    assert torch.get_num_threads() == 2


def test_a_fit_that_ends_later_in_another_thread_leaves_the_number_that_was_there_before_both() -> None:
    within, ended = threading.Event(), threading.Event()
    numbers = []

    def fit() -> None:
        with threads_for(1000):
            within.set()
            ended.wait()

    other = threading.Thread(target=fit)
    with threads_for(1000):
        other.start()
        within.wait()
    ended.set()
    other.join()
    later = threading.Thread(target=lambda: numbers.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert numbers == [2]


@pytest.mark.parametrize(("width", "rows", "threads"), [([2, 5, 1], 1000, 1), ([2, 300, 1], 1000, 2)])
@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_fit_uses_one_thread_for_small_networks(width: list[int], rows: int, threads: int, opt: str) -> None:
    def used() -> int:
        return torch.get_num_threads()

    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=rows, test_num=10)
    results = KAN(width=width, seed=0).fit(dataset, opt=opt, steps=1, metrics=[used], progress=False)
    assert results["used"] == [threads]
    assert torch.get_num_threads() == 2
