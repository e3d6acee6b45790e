"""`python -m mutau` is the same program as `mutau`."""

from mutau.cli.main import run

run()
