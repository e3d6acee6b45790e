"""A registry per concept: names to objects, open to other packages by entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from mutau.core import plugins
from mutau.core.errors import MutauError, UnknownName

T = TypeVar("T")


def anything(item: object) -> str:
    """What is wrong with an entry: nothing."""
    return ""


def instance_of(*types: type) -> Callable[[object], str]:
    """Check of a registry whose entries are objects of one of these types."""
    names = " or ".join(item.__name__ for item in types)

    def fault(item: object) -> str:
        return "" if isinstance(item, types) else f"is a {type(item).__name__}, not a {names}"

    return fault


def a_function(item: object) -> str:
    """Check of a registry whose entries are functions."""
    return "" if callable(item) else f"is a {type(item).__name__}, not a function"


class Registry(Generic[T]):
    """Names of one kind of thing, each registered once.

    kind : what is registered, for messages ("model", "cut variable").
    group : entry-point group through which other packages add theirs, or "". Ours come first: an
    entry point of the same name is left out, with a line on stderr.
    check : what is wrong with an object that another package gives, "" for nothing.
    """

    def __init__(
        self,
        kind: str,
        group: str = "",
        remedy: str = "",
        check: Callable[[Any], str] = anything,
    ) -> None:
        self.kind, self.group, self.remedy, self._check = kind, group, remedy, check
        self._items: dict[str, T] = {}

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

    def names(self) -> tuple[str, ...]:
        """All names, ours and those that other packages offer; nothing of theirs is loaded."""
        offered = plugins.offered(self.group) if self.group else {}
        for name in offered.keys() & self._items.keys():
            plugins.tell(self.group, name, f"{self.kind} of that name is ours; theirs is left out")
        return (*self._items, *(name for name in offered if name not in self._items))

    def _fault(self, tag: str) -> str:
        """Why the entry of another package cannot be used, "" if it can."""
        found = plugins.load(self.group, tag)
        if found.fault:
            return found.fault
        wrong = self._check(found.value)
        if wrong:
            plugins.tell(self.group, tag, wrong)
        return wrong

    def __getitem__(self, tag: str) -> T:
        if tag in self._items:
            return self._items[tag]
        if tag not in self.names():
            raise UnknownName(self.kind, tag, self.names(), remedy=self.remedy)
        fault = self._fault(tag)
        if fault:
            raise MutauError(
                f"{self.kind} {tag!r} {fault}", remedy="repair or remove the package that offers it"
            )
        item: T = plugins.load(self.group, tag).value
        return item

    def __contains__(self, tag: object) -> bool:
        return tag in self.names()

    def __iter__(self) -> Iterator[str]:
        """Names that can be used: those of other packages are loaded, faulty ones left out."""
        return iter([n for n in self.names() if n in self._items or not self._fault(n)])

    def items(self) -> Iterator[tuple[str, T]]:
        """(name, object) of all that can be used."""
        return ((name, self[name]) for name in self)

    def values(self) -> Iterator[T]:
        """The objects of all that can be used."""
        return (item for _, item in self.items())

    def __len__(self) -> int:
        return sum(1 for _ in self)
