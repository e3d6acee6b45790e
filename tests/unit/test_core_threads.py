"""Work in threads: order, the first error, an interrupt that does not wait."""

import threading
import time

import pytest

from mutau.core.threads import NAME, in_threads


def test_results_keep_the_order():
    def work(item):
        time.sleep(0.02 * (3 - item))
        return item

    assert list(in_threads(work, range(4), 4)) == [0, 1, 2, 3]


def test_the_first_error_cancels_what_has_not_begun():
    begun = []

    def work(item):
        begun.append(item)
        if item == 1:
            raise ValueError(item)
        time.sleep(0.05)

    with pytest.raises(ValueError, match="1"):
        list(in_threads(work, range(50), 2))
    assert len(begun) < 10
    assert not any(thread.name.startswith(NAME) for thread in threading.enumerate())


def test_an_interrupt_does_not_wait():
    end, begun = threading.Event(), []

    def work(item):
        begun.append(item)
        if item == 0:
            raise KeyboardInterrupt
        end.wait(30.0)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(in_threads(work, range(50), 2))
    assert time.monotonic() - start < 15.0
    assert any(thread.name.startswith(NAME) for thread in threading.enumerate())
    end.set()
    assert len(begun) < 10
