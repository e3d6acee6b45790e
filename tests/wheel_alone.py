"""Build the wheel, install it alone into a clean environment, and use it from another folder.

Run by `make wheel`. Checks that data files travel in the wheel, that the README's hello-world and
`mutau limit na64mu` work from any folder, and that nothing is written into the package.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, **options: object) -> str:
    """Run a command, showing it; return its stdout; stop on failure."""
    print("+", *command, flush=True)
    done = subprocess.run(
        [str(c) for c in command], check=True, text=True, stdout=subprocess.PIPE, **options
    )
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mutau-wheel-") as name:
        folder = Path(name)
        run(
            sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
            "--no-deps", "-w", folder, ROOT,
        )  # fmt: skip
        (wheel,) = folder.glob("mutau-*.whl")
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        run(
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "-c", ROOT / "constraints.txt", wheel,
        )  # fmt: skip
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        env = {
            k: v for k, v in os.environ.items() if not k.startswith(("MUTAU", "PYTHON", "NUMBA"))
        }
        env |= {"MUTAU_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        package = Path(
            run(
                python, "-c", "import mutau; print(mutau.__path__[0])", cwd=elsewhere, env=env
            ).strip()
        )
        before = sorted(p for p in package.rglob("*") if "__pycache__" not in p.parts)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        hello = re.search(r"```python\n(.*?)```", readme, re.S)
        assert hello is not None, "README has no Python hello-world"
        print(run(python, "-c", hello.group(1), cwd=elsewhere, env=env))
        mutau = folder / "env" / "bin" / "mutau"
        answer = json.loads(
            run(mutau, "limit", "na64mu", "--mass", "0.1", "--json", cwd=elsewhere, env=env)
        )
        limit = answer["limits"][0]["coupling_upper_limit"]
        assert 0.0 < limit < 1e-2, f"implausible limit {limit}"
        after = sorted(p for p in package.rglob("*") if "__pycache__" not in p.parts)
        assert before == after, f"files appeared in the package: {set(after) - set(before)}"
        assert not list(package.rglob("*.nbi")), "compiled code was cached inside the package"
        assert list((folder / "cache").rglob("*.nbi")), "compiled code is not cached at all"
        print(f"wheel alone: limit at 100 MeV {limit:.4g}; package untouched; caches outside")


if __name__ == "__main__":
    main()
