"""The file of the keys: JSON whose head can be read and whose keys are sealed with ChaCha20-Poly1305.

    {
      "about": "API keys for graphbit_nb, encrypted; ...",
      "format": "graphbit_nb keys",
      "version": 1,
      "master": {"kind": "passphrase", "id": "...", "check": "...", "n": 131072, ...},
      "names": ["anthropic", "openai", "openai:work"],
      "nonce": "...",
      "sealed": "..."
    }

Everything but the nonce and what is sealed is associated data: none changes it unnoticed. Bytes are base64. The seal's
key and the check come of the master key by HKDF-SHA256; the check tells a wrong master key from a damaged file. A nonce
is random and used once. What is not noticed: that somebody put an older file in its place.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr, ValidationError

from graphbit_nb.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Literal["graphbit_nb keys"] = "graphbit_nb keys"
VERSION: Literal[1] = 1
ABOUT = "API keys for graphbit_nb, encrypted; change them with `%graphbit keys`, not by hand"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}(:\w[\w. -]{0,63})?")

_NONCE = 12
_Bytes = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9+/=]*$")]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Keychain(_Data):
    """The master key is in the keychain of the system."""

    kind: Literal["keychain"] = "keychain"
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    check: _Bytes = ""


class Passphrase(_Data):
    """The master key comes of a passphrase by scrypt.

    The bounds keep a spoilt head from asking for all memory, and a weak one from being taken.
    """

    kind: Literal["passphrase"] = "passphrase"
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    check: _Bytes = ""
    salt: _Bytes
    n: Literal[16384, 32768, 65536, 131072, 262144] = 131072
    r: Literal[8] = 8
    p: Literal[1, 2, 3, 4] = 1


class Beside(_Data):
    """The master key is in a file beside this one."""

    kind: Literal["file"] = "file"
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    check: _Bytes = ""


MasterHead = Keychain | Passphrase | Beside


class Head(_Data):
    """What can be read without the master key, and not be changed without it."""

    about: str = ABOUT
    format: Literal["graphbit_nb keys"] = FORMAT
    version: Literal[1] = VERSION
    master: Annotated[MasterHead, Field(discriminator="kind")]
    names: list[str]

    def as_associated_data(self) -> bytes:
        """Return the one spelling of it."""
        return _json(self.model_dump()).encode()


class Entry(_Data):
    """A key, and when it was put there, in seconds since 1970."""

    key: SecretStr
    since: float


class KeyFile(_Data):
    """The whole file.

    Attributes:
        head: What can be read.
        nonce: Used for this writing alone.
        sealed: The keys.
    """

    head: Head
    nonce: bytes
    sealed: bytes

    @classmethod
    def read(cls, content: bytes, place: str) -> KeyFile:
        """Read a file without opening what is sealed.

        Args:
            content: The bytes.
            place: The file's name, for the errors.

        Raises:
            StorageError: it is not ours, damaged, or made by a newer version.
        """
        data = _parsed(content, place)
        if data.get("format") != FORMAT:
            raise StorageError(f"{place} is no file of graphbit_nb's keys; name another place with GRAPHBIT_KEYS")
        version = data.get("version")
        if isinstance(version, int) and version > VERSION:
            raise StorageError(
                f"{place} was made by a newer graphbit_nb (its version is {version}, this one knows {VERSION}); "
                "update graphbit_nb"
            )
        nonce, sealed = _bytes(data.pop("nonce", None)), _bytes(data.pop("sealed", None))
        if nonce is None or sealed is None or len(nonce) != _NONCE:
            raise damaged(place)
        try:
            head = Head.model_validate(data)
        except ValidationError:
            raise damaged(place) from None
        if any(not NAME.fullmatch(name) for name in head.names):
            raise damaged(place)
        return cls(head=head, nonce=nonce, sealed=sealed)

    @classmethod
    def seal(cls, master: MasterHead, secret: SecretBytes, entries: Mapping[str, Entry]) -> KeyFile:
        """Make a file of the keys."""
        names = sorted(entries)
        head = Head(master=master.model_copy(update={"check": _check(secret, master)}), names=names)
        nonce = secrets.token_bytes(_NONCE)
        sealed = _cipher(secret).encrypt(nonce, _plain(entries), head.as_associated_data())
        return cls(head=head, nonce=nonce, sealed=sealed)

    def opened(self, secret: SecretBytes, place: str) -> dict[str, Entry]:
        """Return the keys.

        Raises:
            ConfigurationError: it is another master key that opens this file.
            StorageError: it was changed or damaged.
        """
        import hmac

        from cryptography.exceptions import InvalidTag

        if not hmac.compare_digest(_check(secret, self.head.master), self.head.master.check):
            raise ConfigurationError(_wrong(self.head.master, place))
        try:
            plain = SecretBytes(_cipher(secret).decrypt(self.nonce, self.sealed, self.head.as_associated_data()))
        except InvalidTag:
            raise damaged(place) from None
        return _entries(plain)

    def written(self) -> bytes:
        """Return the bytes of the file."""
        data = {**self.head.model_dump(), "nonce": _text(self.nonce), "sealed": _text(self.sealed)}
        return (json.dumps(data, indent=2, ensure_ascii=True) + "\n").encode()


def damaged(place: str) -> StorageError:
    """Return what is raised when a file is not as it was written."""
    return StorageError(
        f"{place} is damaged or was changed by somebody; nothing of it is used and nothing written: put a copy of it "
        "back, or move it away and set the keys anew"
    )


def _wrong(master: MasterHead, place: str) -> str:
    match master.kind:
        case "passphrase":
            return (
                f"the passphrase (typed, given, or in GRAPHBIT_PASSPHRASE) is not that of {place}, or somebody changed "
                "the file's head; try again"
            )
        case "keychain":
            return f"the master key in the keychain is not that of {place}; put the file that belongs to it back"
        case "file":
            return f"the master key beside it is not that of {place}; put the file that belongs to it back"


def _parsed(content: bytes, place: str) -> dict[str, Any]:
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise damaged(place) from None
    if not isinstance(data, dict):
        raise StorageError(f"{place} is no file of graphbit_nb's keys; name another place with GRAPHBIT_KEYS")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(data := dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return data


def _no_number(word: str) -> None:
    raise ValueError(word)


def _cipher(secret: SecretBytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(_derived(secret, b"graphbit_nb keys 1: seal", b""))


def _check(secret: SecretBytes, master: MasterHead) -> str:
    return _text(_derived(secret, b"graphbit_nb keys 1: check", master.id.encode())[:16])


def _derived(secret: SecretBytes, purpose: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(secret.get_secret_value())


def _plain(entries: Mapping[str, Entry]) -> bytes:
    plain = {
        name: {"key": entry.key.get_secret_value(), "since": entry.since} for name, entry in sorted(entries.items())
    }
    return _json(plain).encode()


def _entries(plain: SecretBytes) -> dict[str, Entry]:
    data: dict[str, Any] = json.loads(plain.get_secret_value())
    return {name: Entry(key=SecretStr(entry["key"]), since=entry["since"]) for name, entry in data.items()}


def _json(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
