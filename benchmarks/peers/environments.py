"""A virtual environment for each engine, made once, with the newest version that pip has each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import ROOT

CACHE = ROOT / ".bench-peers"
_VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


def python_with(package: str) -> str:
    """Return the interpreter of an environment that has `package`. Without a network one that is there will do.

    Raises:
        RuntimeError: the package is not there and cannot be had; the message ends with pip's own last words.
    """
    place = CACHE / package
    python = str(place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    if not Path(python).exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", package]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode and version_of(package, python) is None:
        last_words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise RuntimeError(f"{package} cannot be installed: {last_words}")
    return python


def version_of(package: str, python: str) -> str | None:
    """Return the version that an interpreter has of a package, or None."""
    done = subprocess.run([python, "-c", _VERSION, package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
