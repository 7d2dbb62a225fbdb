"""What has come of a stream is handled together, and nothing waits for what has not."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.io.batches import batches_as_they_come


@given(st.lists(st.integers()), st.integers(1, 4))
def test_batches_hold_all_items_in_order(items: list[int], most: int) -> None:
    batches = list(batches_as_they_come(items, most))
    assert [item for batch in batches for item in batch] == items
    assert all(1 <= len(batch) <= most for batch in batches)


def test_an_item_that_comes_alone_is_yielded_at_once() -> None:
    source: Queue[int] = Queue()

    def items() -> Iterator[int]:
        while True:
            yield source.get()

    batches = batches_as_they_come(items(), 9)
    for item in range(3):
        source.put(item)  # the next one comes when this one was yielded
        assert next(batches) == [item]


def test_items_that_wait_are_one_batch() -> None:
    first_is_handled, all_wait, end = Event(), Event(), Event()

    def items() -> Iterator[int]:
        yield 0
        assert first_is_handled.wait(9)
        yield from range(1, 5)
        all_wait.set()
        assert end.wait(9)

    batches = batches_as_they_come(items(), 9)
    assert next(batches) == [0]
    first_is_handled.set()
    assert all_wait.wait(9)
    assert next(batches) == [1, 2, 3, 4]
    end.set()
    assert list(batches) == []


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    batches = batches_as_they_come(items(), 9)
    assert next(batches) == [1]
    with pytest.raises(ValueError, match="broken"):
        next(batches)
