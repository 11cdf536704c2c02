"""`SecureConfig`: the API keys of a user, encrypted in one file, by the names of their providers."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import SecretBytes, SecretStr

from graphbit_nb.core.redaction import remember
from graphbit_nb.errors import ConfigurationError, UsageError, did_you_mean
from graphbit_nb.storage.keychecks import (
    absolute,
    checked_key,
    checked_kind,
    checked_name,
    is_telling,
    shown,
    usual_path,
)
from graphbit_nb.storage.keyfile import NAME, Entry, KeyFile
from graphbit_nb.storage.masterkeys import MasterKeys
from graphbit_nb.storage.private_files import LARGEST, PATIENCE, locked, read_private, stamp_of, write_private

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from graphbit_nb.storage.keyfile import MasterHead
    from graphbit_nb.storage.masterkeys import Kind
    from graphbit_nb.storage.private_files import Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """What may be told of a key.

    Attributes:
        name: What it is asked for by: the provider, or ``"provider:label"``.
        since: When it was put there.
        ending: Its last four characters, if it is long enough that they say nothing.
    """

    name: str
    since: dt.datetime
    ending: str

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.name.partition(":")[0]

    @property
    def label(self) -> str | None:
        """What tells it from other keys for the same provider."""
        return self.name.partition(":")[2] or None


class SecureConfig:
    """API keys, encrypted in one file that its owner alone can read.

    The master key is kept in the system's keychain where there is one; else it comes of a passphrase, if one is given;
    else it lies in a file of its own beside the keys. Clients take their key from here when a config has none, before
    they look into the environment.

    Args:
        path: The file; None is GRAPHBIT_KEYS, else ``graphbit_nb/keys.json`` in the user's configuration directory.
        passphrase: Opens the file; None is GRAPHBIT_PASSPHRASE.
        ask: Asks a person for a passphrase, unseen, given what to say; None asks nobody.
        clock: Seconds since 1970.
        patience: Seconds that another process may keep the file locked.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        passphrase: SecretStr | str | None = None,
        ask: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        given: SecretStr | None
        passphrase = given = _unseen(passphrase)
        self.path = usual_path() if path is None else absolute(path)
        remember(given)
        self._masters = MasterKeys(self.path, given)
        self._ask = ask
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._read: tuple[Stamp, KeyFile, Mapping[str, Entry] | None] | None = None

    def get(self, name: str) -> SecretStr | None:
        """Return the key of that name, or None when there is none.

        What is not there is known without the master key: nobody is asked for a passphrase in vain.

        Raises:
            ConfigurationError: the master key is not there, or it is another one.
            StorageError: the file cannot be read, is damaged, or is open to others.
        """
        name = _named(name)
        checked_name(name)
        if name not in self.names():
            return None
        entry = self._entries().get(name)
        return None if entry is None else entry.key

    def list(self) -> tuple[KeyInfo, ...]:
        """Return what may be told of the keys, by name. Raises as `get` does."""
        return tuple(_told(name, entry) for name, entry in sorted(self._entries().items()))

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys; the master key is not needed. Raises `StorageError` as `get` does."""
        file = self._file()
        return () if file is None else tuple(file.head.names)

    def set(self, name: str, key: SecretStr | str, *, master: Kind | None = None) -> KeyInfo:
        """Keep a key, in the place of the one that was there.

        Args:
            name: The provider, or ``"provider:label"`` for one of several.
            key: What the provider gave out.
            master: Where the master key of a new file is put, ``"keychain"``, ``"passphrase"`` or ``"file"``; None
                is the first of them that there is.

        Raises:
            UsageError: it is no name, or no key.
            ConfigurationError: the master key is not there, or it is another one.
            StorageError: the file cannot be read or written; it stays as it was.
        """
        name, key = _named(name), _unseen(key)
        checked_name(name)
        kind, entry = checked_kind(master), Entry(key=checked_key(key), since=self._clock())
        remember(entry.key)
        with locked(self.path, patience=self._patience):
            file = self._file()
            if file is None:
                head, secret = self._masters.new(kind, self._ask)
                self._write_first(head, secret, {name: entry})
            else:
                secret, entries = self._opened(file)
                self._write(file.head.master, secret, {**entries, name: entry})
        return _told(name, entry)

    def remove(self, name: str) -> None:
        """Throw a key away.

        Raises:
            UsageError: there is none of that name.
            ConfigurationError: the master key is not there, or it is another one.
            StorageError: the file cannot be read or written; it stays as it was.
        """
        name = _named(name)
        checked_name(name)
        with locked(self.path, patience=self._patience):
            file = self._existing(name)
            secret, entries = self._opened(file)
            self._write(file.head.master, secret, {other: entries[other] for other in entries if other != name})

    def rotate(
        self,
        name: str | None = None,
        key: SecretStr | str | None = None,
        *,
        master: Kind | None = None,
        passphrase: SecretStr | str | None = None,
    ) -> None:
        """Replace one key by the provider's new one, or, without a name, the master key of all.

        Args:
            name: The key to replace.
            key: The new one.
            master: Where the new master key is put; None is where the old one is.
            passphrase: The new one; None asks for it, if this was made with `ask`.

        Raises:
            UsageError: there is no such key, or the arguments do not fit each other.
            ConfigurationError: a master key or a passphrase is not there.
            StorageError: the file cannot be read or written; it stays as it was.
        """
        given: SecretStr | None
        name, key, passphrase = _named(name), _unseen(key), (given := _unseen(passphrase))
        if (name is None) != (key is None):
            raise UsageError("rotate(): give a name and its new key, or neither for a new master key")
        if name is not None and key is not None:
            if master is not None or passphrase is not None:
                raise UsageError("rotate(): one key or the master key, not both at once")
            self._existing(checked_name(name))
            self.set(name, key)
            return
        with locked(self.path, patience=self._patience):
            file = self._existing(None)
            _, entries = self._opened(file)
            kind = checked_kind(master) or ("passphrase" if passphrase is not None else file.head.master.kind)
            if kind != "passphrase" and passphrase is not None:
                raise UsageError(f"rotate(): a master key in the {kind} has no passphrase")
            remember(passphrase)
            if kind == "passphrase" and passphrase is None and self._ask is None:
                raise ConfigurationError("a new passphrase is needed: give passphrase=...")
            head, secret = MasterKeys(self.path, given).new(kind, self._ask, renews=True)
            self._write_first(head, secret, entries)
            if given is not None:
                self._masters = MasterKeys(self.path, given)
            self._masters.forget(file.head.master)

    def unlock(self) -> None:
        """Find the master key now, asking for the passphrase if need be, and remember it in this process.

        Raises:
            ConfigurationError: the master key is not there, or it is another one.
            StorageError: the file cannot be read, is damaged, or is open to others.
        """
        if (file := self._file()) is not None:
            self._opened(file)

    @property
    def master(self) -> Kind | None:
        """Where the master key is; None when there is no file yet. Raises `StorageError` as `get` does."""
        file = self._file()
        return None if file is None else file.head.master.kind

    def __repr__(self) -> str:
        return f"SecureConfig({str(vars(self).get('path', ''))!r})"  # none while it is being made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path alone: whoever loads it finds keys and passphrase anew."""
        return SecureConfig, (self.path,)

    # ---- the file

    def _file(self) -> KeyFile | None:
        stamp = stamp_of(self.path)
        if stamp is None:
            self._read = None
            return None
        read = self._read
        if read is not None and read[0] == stamp:
            return read[1]
        content = read_private(self.path)
        if content is None:
            return None
        file = KeyFile.read(content, str(self.path))
        self._read = (stamp, file, None)
        return file

    def _existing(self, name: str | None) -> KeyFile:
        file = self._file()
        if file is None or (name is not None and name not in file.head.names):
            if name is None:
                raise UsageError(f"no key is kept in {self.path} yet; set(provider, key) puts one there")
            near = did_you_mean(name, () if file is None else file.head.names) if is_telling(name) else ""
            raise UsageError(f"no key {shown(name)} is kept{near}")
        return file

    def _entries(self) -> Mapping[str, Entry]:
        with self._lock:  # so that two threads do not both ask for the passphrase
            file = self._file()
            if file is None:
                return {}
            read = self._read
            if read is not None and read[1] is file and read[2] is not None:
                return read[2]
            _, entries = self._opened(file)
            if read is not None:
                self._read = (read[0], file, entries)
            return entries

    def _opened(self, file: KeyFile) -> tuple[SecretBytes, dict[str, Entry]]:
        secret = self._masters.find(file.head.master, self._ask)
        entries = file.opened(secret, str(self.path))
        remember(*(entry.key for entry in entries.values()))
        self._masters.remember(file.head.master, secret)
        return secret, entries

    def _write_first(self, head: MasterHead, secret: SecretBytes, entries: Mapping[str, Entry]) -> None:
        """Write with a new master key, which nobody needs if that fails."""
        try:
            self._write(head, secret, entries)
        except BaseException:
            self._masters.forget(head)
            raise

    def _write(self, head: MasterHead, secret: SecretBytes, entries: Mapping[str, Entry]) -> None:
        file = KeyFile.seal(head, secret, entries)
        content = file.written()
        if len(content) > LARGEST:
            raise UsageError(f"{self.path} would hold more than {LARGEST:,} bytes; remove keys that are not used")
        write_private(self.path, content)
        self._masters.remember(file.head.master, secret)
        self._read = None


def _unseen(given: Any) -> Any:
    """Return a text as one that no frame shows: a traceback with locals tells whatever a frame holds."""
    return SecretStr(given) if isinstance(given, str) else given


def _named(name: Any) -> Any:
    """Return a name; what is none may be a key in its place, and no frame shows that."""
    return name if not isinstance(name, str) or NAME.fullmatch(name) else SecretStr(name)


def _told(name: str, entry: Entry) -> KeyInfo:
    ending = entry.key.get_secret_value()[-4:] if len(entry.key) >= 20 else ""
    return KeyInfo(name=name, since=dt.datetime.fromtimestamp(entry.since, dt.UTC), ending=ending)


def stored_key(name: str) -> SecretStr | None:
    """Return the key that is kept under a name in the user's own file, or None: what clients ask.

    Raises:
        ConfigurationError: there is one, and the master key is not there or nobody gave the passphrase.
        StorageError: the file cannot be read, is damaged, or is open to others.
    """
    return _usual(usual_path()).get(name) if NAME.fullmatch(name) else None


@lru_cache(maxsize=4)
def _usual(path: Path) -> SecureConfig:
    return SecureConfig(path)
