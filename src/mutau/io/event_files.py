"""Event files for other programs: one call to write, one to read, the suffix decides.

    write_events(events, "events.lhe.gz")
    events = read_events("events.lhe.gz")

Files appear under their name when they are complete, never before. What each format keeps and how
it states weights is written in the module of the format and in docs/design/0003-event-files.md.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mutau.core.errors import FileError, MissingExtra, MutauError, one_line
from mutau.core.reading import refuse_expansion
from mutau.core.registry import Registry, instance_of
from mutau.core.storage import atomic_path
from mutau.core.types import Events
from mutau.io.layout import Progress, damaged

_PACKAGE = "mutau.io"


@dataclass(frozen=True, slots=True)
class EventFormat:
    """One kind of event file.

    suffix : end of the file's name. title : what it is.
    module : module with `write(events, path, process_id, progress)` and `read(path)`: of this
    sub-package, or with dots of another package; "" for our own NPZ.
    needs : the package of the extra `io` that writes and reads it, or "".
    """

    suffix: str
    title: str
    module: str
    needs: str = ""


_HEPMC = "HepMC3 ASCII (HepMC2 is read too)"
_FORMATS = (
    EventFormat(".lhe", "Les Houches event file 3.0", "lhe", "pylhe"),
    EventFormat(".lhe.gz", "Les Houches event file 3.0, compressed", "lhe", "pylhe"),
    EventFormat(".hepmc", _HEPMC, "hepmc", "pyhepmc"),
    EventFormat(".hepmc.gz", f"{_HEPMC}, compressed", "hepmc", "pyhepmc"),
    EventFormat(".hepmc3", "HepMC3 ASCII", "hepmc", "pyhepmc"),
    EventFormat(".hepmc3.gz", "HepMC3 ASCII, compressed", "hepmc", "pyhepmc"),
    EventFormat(".root", "ROOT tree, one entry per event", "root", "uproot"),
    EventFormat(".parquet", "Parquet, one row per particle", "parquet", "pyarrow"),
    EventFormat(".npz", "the package's own NumPy archive", ""),
)
#: Every event format by its suffix; other packages add theirs, named by it, in the group.
SUFFIXES: Final[Registry[EventFormat]] = Registry(
    "event format", "mutau.event_formats", check=instance_of(EventFormat)
)
for _format in _FORMATS:
    SUFFIXES.register(_format.suffix)(_format)


def check_suffix(path: str | Path) -> EventFormat:
    """The event format that the end of a file's name asks for; case does not matter.

    Raises MutauError, listing the allowed suffixes, for any other.

    >>> check_suffix("run1/events.lhe.gz").suffix
    '.lhe.gz'
    """
    name = Path(path).name.lower()
    for suffix in sorted(SUFFIXES.names(), key=len, reverse=True):
        if name.endswith(suffix) and name != suffix:
            return SUFFIXES[suffix]
    raise MutauError(
        f"the name {Path(path).name!r} does not end in the suffix of an event format",
        allowed=", ".join(SUFFIXES.names()),
    )


def check_output(path: str | Path) -> EventFormat:
    """Find out before a computation whether its events can be written to `path` afterwards.

    Returns the format. Raises MutauError for an unknown suffix, MissingExtra if the format needs
    a package that is not installed, FileError if the folder is missing or not writable or the
    name is that of a folder.
    """
    form = check_suffix(path)
    _require(form, path)
    path = Path(path)
    if path.is_dir():
        raise FileError(f"cannot write {str(path)!r}: it is a folder", remedy="give a file's name")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise FileError(
            f"cannot write {str(path)!r}: no writable folder {str(path.parent)!r}",
            remedy="choose a folder that exists and is writable",
        )
    return form


def _require(form: EventFormat, path: str | Path) -> None:
    """Raise MissingExtra, naming file, format and package, if the package cannot be imported."""
    if form.needs:
        try:
            import_module(form.needs)
        except ImportError as error:
            raise MissingExtra(
                f"{form.title} ({form.suffix}, through {form.needs})", "io", place=str(path)
            ) from error


def _module(form: EventFormat) -> Any:
    own = "." not in form.module
    return import_module(f"{_PACKAGE}.{form.module}" if own else form.module)


def write_events(
    events: Events, path: str | Path, *, process_id: int = 1, progress: Progress | None = None
) -> None:
    """Write `events` in the format of the suffix of `path`, whole or not at all.

    process_id : number of the process in formats that state one. progress : called now and then
    with the fraction done and a word on what is being done.
    Raises what `check_output` raises; MutauError if the format cannot hold these events; FileError
    if the disk is full. On any error, Ctrl-C included, a file of that name stays as it was.
    """
    form = check_output(path)
    if not form.module:
        events.save(path)
    else:
        module = _module(form)
        with atomic_path(path) as temporary:
            module.write(events, temporary, process_id, progress)
    if progress is not None:
        progress(1.0, "events written")


def read_events(path: str | Path) -> Events:
    """Read an event file of any of the formats in `SUFFIXES`.

    Raises MutauError for an unknown suffix, MissingExtra for a missing package, FileError if the
    file is missing, of another kind, damaged, or holds a number that is not finite.
    """
    form = check_suffix(path)
    path = Path(path)
    if not path.is_file():
        what = "is a folder, device or pipe" if path.exists() else "does not exist"
        raise FileError(f"there is no file {str(path)!r}: it {what}")
    _require(form, path)
    if form.module:
        return _module(form).read(path)
    try:
        with zipfile.ZipFile(path) as archive:  # closes the file if its list is spoilt
            refuse_expansion(path, sum(item.file_size for item in archive.infolist()))
        return Events.load(path)
    except FileError as error:
        raise FileError(
            one_line(error.message, 500), allowed=error.allowed, remedy=error.remedy
        ) from error
    except Exception as error:  # a damaged archive raises nearly anything inside NumPy
        raise damaged(path, f"{type(error).__name__}: {error}") from error
