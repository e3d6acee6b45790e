"""One program, `mutau`; every verb is one call of the Python API."""
