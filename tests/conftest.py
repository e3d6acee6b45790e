"""Fixtures for all tests: a cache folder shared by the workers of one run, never the user's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Set before any kernel is compiled, so that tests neither use nor change the user's tables.
# Compiled code is kept between runs; its folder is named by a digest of the sources.
os.environ.setdefault("MUTAU_CACHE_DIR", str(Path(tempfile.gettempdir()) / "mutau-test-cache"))
