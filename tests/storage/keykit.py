"""What the tests of keys share: a keychain of their own, and passphrases that are quick to stretch."""

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeychain

from graphbit_nb.storage import masterkeys


class Keychain(KeyringBackend):
    """A keychain in memory."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.is_locked = False

    def _check(self):
        if self.is_locked:
            raise RuntimeError("the user dismissed the prompt; sk-in-its-message")

    def get_password(self, service, username):
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service, username):
        self._check()
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch):
    """No keychain, no passphrase, and nothing that is unlocked."""
    before = keyring.get_keyring()
    monkeypatch.delenv("GRAPHBIT_PASSPHRASE", raising=False)
    monkeypatch.setattr(masterkeys, "SCRYPT", {"n": 2**14, "r": 8, "p": 1})
    masterkeys.forget_passphrases()
    keyring.set_keyring(NoKeychain())
    yield
    keyring.set_keyring(before)
    masterkeys.forget_passphrases()


@pytest.fixture
def keychain(no_keychain):
    found = Keychain()
    keyring.set_keyring(found)
    return found
