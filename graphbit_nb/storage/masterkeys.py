"""Where the master key of a key file is: the system's keychain, a passphrase, or a file beside it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import threading
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretBytes, SecretStr

from graphbit_nb.errors import ConfigurationError, StorageError, UsageError
from graphbit_nb.storage.keyfile import Beside, Keychain, Passphrase
from graphbit_nb.storage.private_files import read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from graphbit_nb.storage.keyfile import MasterHead

Kind = Literal["keychain", "passphrase", "file"]

VARIABLE = "GRAPHBIT_PASSPHRASE"
SERVICE = "graphbit_nb"
SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""128 MiB and a third of a second: what OWASP's Password Storage Cheat Sheet asks of scrypt at the least."""

_WARNING = "graphbit_nb master key 1: who reads this file can read the API keys in {name}; keep it to yourself"
_SIZE = 32
_lock = threading.Lock()
_derived: dict[tuple[Any, ...], SecretBytes] = {}  # passphrases that were right once, as their keys


class MasterKeys:
    """Makes and finds the master keys of one key file.

    Args:
        path: The key file.
        passphrase: Given by the program; None is GRAPHBIT_PASSPHRASE.
    """

    def __init__(self, path: Path, passphrase: SecretStr | None = None) -> None:
        self._path = path
        self._given = passphrase
        self._own: tuple[tuple[Any, ...], SecretBytes] | None = None  # what was right here

    def new(
        self, kind: Kind | None = None, ask: Callable[[str], str] | None = None, *, renews: bool = False
    ) -> tuple[MasterHead, SecretBytes]:
        """Make a master key and put it where it belongs.

        Args:
            kind: Where that is; None is the keychain if there is one, else a passphrase if one is given, else a file.
            ask: Asks a person for a passphrase that nobody gave, twice.
            renews: Whether it replaces another: then what GRAPHBIT_PASSPHRASE says is the old one.

        Raises:
            ConfigurationError: there is no keychain, or no passphrase.
            StorageError: it cannot be put there.
        """
        name, secret = secrets.token_hex(8), SecretBytes(secrets.token_bytes(_SIZE))
        passphrase = self._given if renews else self._told()
        if kind is None and _keychain() is not None:
            kind = "keychain"
        if kind in ("passphrase", None):
            passphrase = passphrase or _asked_twice(ask, or_none=kind is None)
        if passphrase and kind in ("passphrase", None):
            salt = base64.b64encode(secrets.token_bytes(16)).decode()
            head = Passphrase(id=name, salt=salt, **SCRYPT)  # type: ignore[arg-type]
            return head, _stretched(head, passphrase)
        if kind == "keychain":
            with _keychain_calls():
                _needed_keychain().set_password(SERVICE, name, base64.b64encode(secret.get_secret_value()).decode())
            return Keychain(id=name), secret
        line = _WARNING.format(name=self._path.name)
        text = base64.b64encode(secret.get_secret_value())
        write_private(self.beside(name), line.encode() + b"\n" + text + b"\n")
        return Beside(id=name), secret

    def find(self, head: MasterHead, ask: Callable[[str], str] | None = None) -> SecretBytes:
        """Return the master key that the head of a file speaks of.

        Args:
            head: What the file says of it.
            ask: Asks a person for the passphrase; None asks nobody.

        Raises:
            ConfigurationError: it is not there, or nobody gave the passphrase.
            StorageError: the keychain or the file cannot be read.
        """
        if head.kind == "passphrase":
            return self._by_passphrase(head, ask)
        if head.kind == "keychain":
            with _keychain_calls():
                text = _needed_keychain().get_password(SERVICE, head.id)
            if text is None:
                raise ConfigurationError(
                    f"the keychain has no master key for {self._path}: it was made on another machine or by another "
                    f"user; move it away and set the keys anew with `%graphbit keys set PROVIDER`"
                )
            return self._secret(text.encode(), "the keychain's entry")
        place = self.beside(head.id)
        content = read_private(place)
        if content is None:
            raise ConfigurationError(
                f"{place} is gone, and {self._path} cannot be read without it; put it back, or move both away and "
                "set the keys anew with `%graphbit keys set PROVIDER`"
            )
        lines = content.split(b"\n")
        if len(lines) != 3 or lines[2] or not lines[0].startswith(b"graphbit_nb master key 1:"):
            raise StorageError(f"{place} is no master key of graphbit_nb, or is damaged; put a copy of it back")
        return self._secret(lines[1], str(place))

    def forget(self, head: MasterHead) -> None:
        """Throw a master key away that no file needs any more. What cannot be thrown away stays."""
        if head.kind == "file":
            with contextlib.suppress(OSError):
                self.beside(head.id).unlink()
        elif head.kind == "keychain" and (keychain := _keychain()) is not None:
            with contextlib.suppress(Exception):
                keychain.delete_password(SERVICE, head.id)

    def beside(self, name: str) -> Path:
        """Return the path of a master key beside the key file."""
        return self._path.with_name(f"{self._path.name}.{name}.master")

    def remember(self, head: MasterHead, secret: SecretBytes) -> None:
        """Keep what a passphrase gave, once it was right, so that nobody is asked again in this process."""
        if head.kind == "passphrase":
            self._own = (_mark(head), secret)
            with _lock:
                _derived[_mark(head)] = secret

    def _by_passphrase(self, head: Passphrase, ask: Callable[[str], str] | None) -> SecretBytes:
        if self._own is not None and self._own[0] == _mark(head):
            return self._own[1]
        if self._given is None:
            with _lock:
                known = _derived.get(_mark(head))
            if known is not None:
                return known
        told = self._told()
        if told is None:
            if ask is None:
                raise ConfigurationError(
                    f"{self._path} is locked by a passphrase: call `%graphbit keys unlock` in the notebook or "
                    f"SecureConfig(passphrase=...).unlock() in a program, or set {VARIABLE} before the start"
                )
            told = SecretStr(ask(f"Passphrase of {self._path.name}: "))
        return _stretched(head, told)

    def _told(self) -> SecretStr | None:
        if self._given is not None:
            return self._given
        found = os.environ.get(VARIABLE)
        return SecretStr(found) if found else None

    def _secret(self, text: bytes, place: str) -> SecretBytes:
        with contextlib.suppress(binascii.Error, ValueError):
            secret = SecretBytes(base64.b64decode(text, validate=True))
            if len(secret) == _SIZE:
                return secret
        raise StorageError(f"{place}: the master key of {self._path.name} is damaged; put a copy of it back")


def forget_passphrases() -> None:
    """Forget what was unlocked in this process."""
    with _lock:
        _derived.clear()


def _mark(head: Passphrase) -> tuple[Any, ...]:
    return head.id, head.check, head.salt, head.n, head.r, head.p


def _asked_twice(ask: Callable[[str], str] | None, *, or_none: bool) -> SecretStr | None:
    if ask is None:
        if or_none:
            return None
        raise ConfigurationError(f"a passphrase is needed: give passphrase=..., or set {VARIABLE} for a new file")
    hint = " (nothing typed: the master key lies in a file beside the keys)" if or_none else ""
    first = SecretStr(ask(f"New passphrase for the keys{hint}: "))
    if not first and or_none:
        return None
    if not first:
        raise UsageError("a passphrase is not empty; nothing was changed")
    if SecretStr(ask("The same again: ")) != first:
        raise UsageError("the two passphrases are not the same; nothing was changed")
    return first


def _stretched(head: Passphrase, passphrase: SecretStr) -> SecretBytes:
    """Return the key that comes of a passphrase, however its accents were typed."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    try:
        text = SecretBytes(unicodedata.normalize("NFC", passphrase.get_secret_value()).encode())
    except UnicodeEncodeError:
        raise UsageError("the passphrase holds characters that cannot be read; type it again") from None
    try:
        salt = base64.b64decode(head.salt, validate=True)
        stretch = Scrypt(salt=salt, length=_SIZE, n=head.n, r=head.r, p=head.p)
        return SecretBytes(stretch.derive(text.get_secret_value()))
    except (binascii.Error, ValueError):
        raise StorageError("the head of the key file is damaged: its salt cannot be read; put a copy back") from None
    except MemoryError:
        raise StorageError(
            f"there is no memory to open the key file: it needs {128 * head.n * head.r:,} bytes"
        ) from None


def _keychain() -> Any:
    """Return the system's keychain, or None when there is none that keeps a secret.

    keyring itself takes backends from priority 1 up as fit for use; those that fail, drop what they are given or write
    plain files are below. Files of `keyrings.alt` are never taken.
    """
    try:
        import keyring
    except ImportError:
        return None
    try:
        chosen = keyring.get_keyring()
        for backend in getattr(chosen, "backends", None) or (chosen,):  # a chain asks one after the other
            module = type(backend).__module__
            if backend.priority >= 1 and not module.startswith(("keyrings.alt", "keyring.backends.chainer")):
                return backend
    except Exception:  # noqa: BLE001 (a backend is anybody's code, and its bus may be gone)
        return None
    return None


def _needed_keychain() -> Any:
    if (keychain := _keychain()) is None:
        raise ConfigurationError(
            "this machine has no keychain that can be reached (is your session unlocked, and keyring installed?)"
        )
    return keychain


@contextlib.contextmanager
def _keychain_calls() -> Iterator[None]:
    """Tell what a keychain raises in our words; its own may hold anything."""
    try:
        yield
    except (ConfigurationError, StorageError):
        raise
    except Exception as error:  # noqa: BLE001 (a backend is anybody's code)
        raise StorageError(f"the keychain did not answer ({type(error).__name__}); unlock it and try again") from None
