"""What runs independent pieces of work: this process, several of this machine, a Dask cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from functools import partial
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any, Final, Protocol

from mutau.core.errors import MissingExtra, MutauError, show_warning
from mutau.scan.pieces import check_stamp, program_stamp

#: index of a piece -> its result. Must be picklable.
Work = Callable[[int], Any]
#: Pieces as they finish: (index, result), in any order. Closing it ends what still runs.
Finished = Generator[tuple[int, Any], None, None]


class Executor(Protocol):
    """What runs the pieces: (work, indices) -> `Finished`."""

    def __call__(self, work: Work, indices: list[int]) -> Finished: ...


def serial(work: Work, indices: list[int]) -> Finished:
    """One piece after the other, in this process."""
    for index in indices:
        yield index, work(index)


def _begin(parent: int) -> None:
    """Let this worker end when the process that began it does, even by `kill -9`: it would wait
    for work for ever. Its warnings are lines, as those of the command line."""
    warnings.showwarning = show_warning

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let what is started here never see Ctrl-C, which a terminal sends to all: its parent ends it.

    An interrupt in between is delivered afterwards.
    """
    resource_tracker.ensure_running()  # its own start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processes(workers: int) -> Executor:
    """Pieces in `workers` processes of this machine; a few are kept waiting per worker.

    Whatever ends the work early ends the workers at once.
    Raises ChildProcessError if a worker is killed from outside (no memory left, for example).
    """

    def run(work: Work, indices: list[int]) -> Finished:
        queue, others = iter(indices), set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _begin, (os.getpid(),)
        )
        running: dict[Future, int] = {}
        try:
            for index in queue:
                with _without_interrupts():
                    running[pool.submit(work, index)] = index
                if len(running) >= 2 * workers:
                    yield from _finished(running)
            while running:
                yield from _finished(running)
        except BaseException as error:
            for worker in {*multiprocessing.active_children()} - others:
                worker.kill()
                worker.join()
            if isinstance(error, BrokenExecutor):
                raise ChildProcessError(
                    "a worker process ended suddenly (killed, or no memory left?); what is "
                    "finished stays, --resume goes on, perhaps with fewer --workers"
                ) from None
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    return run


def _finished(running: dict[Future, int]) -> Finished:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        yield running.pop(future), future.result()


def dask_cluster(address: str, *, wait: float = 600.0, security: Any = None) -> Executor:
    """Pieces on an existing Dask cluster; Dask computes again what a dying worker held.

    wait : seconds without any worker after which to give up; a line on stderr says so after 30 s.
    security : a `distributed.Security` with TLS certificates; None takes those of Dask's own
    configuration (`distributed.comm.tls`).
    Raises MissingExtra without dask.distributed, MutauError if nobody answers at the address, if
    the scheduler ends, or if no worker is there for `wait` seconds.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingExtra("running on a Dask cluster", "dask") from error

    def connect() -> Any:
        try:
            return distributed.Client(address, timeout="5s", security=security)
        except (OSError, ValueError, TypeError) as error:
            raise MutauError(
                f"no Dask scheduler answers at {address!r} ({error})",
                remedy="start one with `dask scheduler` and give its address, tcp://host:8786; "
                "with TLS tls://host:8786, and certificates in Dask's configuration",
            ) from error

    connect().close()  # before a folder is claimed for the work

    def run(work: Work, indices: list[int]) -> Finished:
        with connect() as client:
            watch = _Watch(client, address, wait)
            watch.until_workers()
            _check_workers(client)
            payload = import_module("cloudpickle").dumps(work)
            submit = partial(client.submit, _on_worker, payload, pure=False, retries=3)
            futures = {submit(i): i for i in indices}
            finished = distributed.as_completed(list(futures))
            while futures:
                done = finished.next_batch(block=False)
                for future in done:
                    reason, result = watch.result(future)
                    if reason:
                        raise _foreign("a worker", reason)
                    yield futures.pop(future), result
                if not done:
                    watch.look()

    return run


class _Watch:
    """Looks at a Dask cluster while nothing comes back: nobody shall wait for ever without a word.

    client : of `distributed`. address : of the scheduler. wait : seconds without any worker.
    """

    PAUSE: Final = 0.05
    FIRST_WORD: Final = 30.0

    def __init__(self, client: Any, address: str, wait: float) -> None:
        self._client, self._address, self._wait = client, address, wait
        self._alone_since: float | None = None
        self._said, self._next = False, 0.0

    def until_workers(self) -> None:
        """Return with the first worker. Raises as `look`."""
        while True:
            self.look()
            if self._next and self._alone_since is None:
                return

    def result(self, future: Any) -> Any:
        """What a future holds. Raises MutauError where it was lost with its scheduler."""
        try:
            return future.result()
        except (CancelledError, OSError) as error:
            if self._client.status == "running":
                raise
            raise self._ended() from error

    def look(self) -> None:
        """Pause, and once a second ask who is there.

        Raises MutauError where the scheduler ended, or no worker was there for too long.
        """
        time.sleep(self.PAUSE)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 1.0
        try:
            workers = self._client.nthreads() if self._client.status == "running" else None
        except (OSError, TimeoutError):
            workers = None
        if workers is None:
            raise self._ended()
        if workers:
            self._alone_since, self._said = None, False
            return
        self._alone_since = now if self._alone_since is None else self._alone_since
        alone = now - self._alone_since
        if alone >= self._wait:
            raise MutauError(
                f"no worker came to the Dask scheduler at {self._address} for {alone:.0f} s",
                remedy=f"start workers (`dask worker {self._address}`), or wait longer with "
                "--wait; what is finished stays, --resume goes on",
            )
        if alone >= self.FIRST_WORD and not self._said:
            self._said = True
            warnings.warn(
                f"the Dask scheduler at {self._address} has had no worker for {alone:.0f} s; "
                f"waiting for up to {self._wait:.0f} s",
                stacklevel=2,
            )

    def _ended(self) -> MutauError:
        return MutauError(
            f"the Dask scheduler at {self._address} ended",
            remedy="what is finished stays; start it again and go on with --resume",
        )


def _on_worker(payload: bytes, index: int) -> tuple[str, Any]:
    """(why the work cannot be loaded here, its result). Travels as code, not as a name: a worker
    that meets a name it does not know breaks down, and everybody waits for it."""
    import pickle

    try:
        work = pickle.loads(payload)
    except (ImportError, AttributeError) as error:
        return f"{type(error).__name__}: {error}", None
    return "", work(index)


_on_worker.__module__ = "__main__"  # which is what cloudpickle sends whole


def _foreign(who: str, reason: str) -> MutauError:
    return MutauError(
        f"{who} cannot run this mutau ({reason})",
        remedy="give the workers the mutau that you use here",
    )


def _check_workers(client: Any) -> None:
    """Raise MutauError for a worker of now that has another mutau; those that come later are
    recognised by what their results carry."""
    for address, found in client.run(program_stamp, on_error="return").items():
        if isinstance(found, Exception):
            raise _foreign(f"the worker {address}", str(found))
        check_stamp(found, f"what the worker {address} would give")
