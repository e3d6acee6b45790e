"""A registry per concept: names to objects, open to other packages by entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from mutau.core.errors import MutauError, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing, each registered once.

    kind : what is registered, for messages ("model", "cut variable").
    group : entry-point group through which other packages add theirs, or "".
    """

    def __init__(self, kind: str, group: str = "", remedy: str = "") -> None:
        self.kind, self.group, self.remedy = kind, group, remedy
        self._items: dict[str, T] = {}
        self._loaded = not group

    def register(self, tag: str) -> Callable[[T], T]:
        """Decorator that files an object under `tag`; a duplicate tag is an error."""

        def add(item: T) -> T:
            if tag in self._items:
                raise MutauError(
                    f"{self.kind} {tag!r} is registered twice", remedy="choose another name"
                )
            self._items[tag] = item
            return item

        return add

    def _load_entry_points(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for point in entry_points(group=self.group):
            if point.name in self._items:
                raise MutauError(
                    f"{self.kind} {point.name!r} of {point.value} is registered already",
                    remedy="choose another name for the entry point",
                )
            try:
                self._items[point.name] = point.load()
            except Exception as error:
                raise MutauError(
                    f"{self.kind} {point.name!r} cannot be loaded from {point.value} ({error})",
                    remedy="repair or remove the package that offers it",
                ) from error

    def __getitem__(self, tag: str) -> T:
        self._load_entry_points()
        try:
            return self._items[tag]
        except KeyError:
            raise UnknownName(self.kind, tag, self._items, remedy=self.remedy) from None

    def __contains__(self, tag: object) -> bool:
        self._load_entry_points()
        return tag in self._items

    def __iter__(self) -> Iterator[str]:
        self._load_entry_points()
        return iter(self._items)

    def __len__(self) -> int:
        self._load_entry_points()
        return len(self._items)
