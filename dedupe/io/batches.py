"""Batches of a stream: what has come by now is handled together, and nothing waits for more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar

_Item = TypeVar("_Item")


def batches_as_they_come(items: Iterable[_Item], most: int) -> Iterator[list[_Item]]:
    """Yield the items that have come since the last batch, in their order.

    Another thread reads ahead, at most `most` items. An item that comes alone is yielded at once.

    Parameters
    ----------
    items
        The stream.
    most
        Items in one batch, at most.

    Yields
    ------
    list
        At least one item. An error of `items` is raised after the items before it were yielded.
    """
    arrived: Queue[_Item | _End] = Queue(most)

    def read() -> None:
        error = None
        try:
            for item in items:
                arrived.put(item)
        except BaseException as raised:  # it is raised where the items are used
            error = raised
        arrived.put(_End(error))

    Thread(target=read, daemon=True).start()
    end = None
    while end is None:
        batch = []
        item = arrived.get()
        while not isinstance(item, _End):
            batch.append(item)
            try:
                item = arrived.get_nowait() if len(batch) < most else _MORE
            except Empty:
                item = _MORE
        if batch:
            yield batch
        if item is not _MORE:
            end = item
    if end.error is not None:
        raise end.error


class _End:
    """Ends a batch, or the stream."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


_MORE = _End()
