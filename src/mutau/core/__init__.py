"""What everything else rests on, and nothing of physics: units, errors, streams, registry, storage.

Why it is as it is. A number needs a unit, a source, a random stream and a place on disk before it
can be a result, and each of these has one home here, so that no stage invents its own:

- `units` holds the only conversion factors, `constants` the values of the particle data with their
  sources; inside the package all is GeV, cm, s, g/cm^3, pb, rad in plain float64.
- `errors` has one class per kind of mistake; a message gives value, place, what is allowed, what
  to do. They survive pickling, because a scan raises them in other processes.
- `random.stream(seed, *key)` names a stream by what it is for. Whatever is drawn for one mass or
  one chunk does not depend on what was drawn before, nor on the number of workers.
- `registry` is the one class behind every list of names that users may extend.
- `reading` opens documents (TOML, JSON, CSV) once for all, bounded in size; `storage` writes whole
  files or none and verifies what it reads back; `code_digest` says which code a kept result rests
  on.
- `jit` makes kernels whose compiled code is kept under that digest; importing it loads Numba, so
  light commands do not. `records` gives kernels named fields in place of columns.
- `deprecation` lets arguments of an old name live until a stated version.
- `types` and `figure` are what travels between stages, frozen, each with its provenance.

It never names a sub-package above it, not even as text: what lies above registers itself.
"""
