"""Work side by side in threads: kernels release the interpreter's lock while they run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
#: How the names of the threads begin: whoever ends the program early can see that some still run.
NAME: Final = "mutau-work"


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """`work` over items on `workers` threads; results in the order of the items.

    The first error cancels what has not begun and is raised when the rest has ended. An interrupt
    (Ctrl-C) does not wait for the rest.

    >>> list(in_threads(abs, [-1, 2, -3], workers=2))
    [1, 2, 3]
    """
    pool = ThreadPoolExecutor(workers, NAME)
    try:
        running = deque(pool.submit(work, item) for item in items)
        while running:
            yield running.popleft().result()
    except BaseException as error:
        pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    pool.shutdown()
