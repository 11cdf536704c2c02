"""Keys are typed into a hidden field and kept encrypted; a key in a cell is refused, and never told again."""

import getpass
import json
import re

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeychain

import graphbit_nb as gb
from graphbit_nb.storage import masterkeys
from graphbit_nb.storage.secrets import SecureConfig

KEY = "sk-canary-1234567890abcdefghijklmnop-LAST"


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    """A place for the keys, and no keychain."""
    before, place = keyring.get_keyring(), tmp_path / "keys.json"
    monkeypatch.setenv("GRAPHBIT_KEYS", str(place))
    monkeypatch.delenv("GRAPHBIT_PASSPHRASE", raising=False)
    monkeypatch.setattr(masterkeys, "SCRYPT", {"n": 2**14, "r": 8, "p": 1})
    masterkeys.forget_passphrases()
    keyring.set_keyring(NoKeychain())
    yield place
    keyring.set_keyring(before)
    masterkeys.forget_passphrases()


@pytest.fixture
def typed(monkeypatch):
    """What a person types, line by line; and what was asked."""
    prompts = []

    def types(*lines):
        left = list(lines)

        def hidden(prompt="", stream=None):
            prompts.append(prompt)
            return left.pop(0)

        monkeypatch.setattr(getpass, "getpass", hidden)
        prompts.clear()
        return prompts

    return types


def refused(shell, line, message):
    with pytest.raises(gb.GraphbitError, match=message) as found:
        shell(line)
    assert "canary" not in str(found.value)
    assert "canary" not in shell.text + shell.printed


def kept(name):
    return SecureConfig().get(name).get_secret_value()


def test_a_key_is_typed_hidden_and_kept(shell, typed, path):
    prompts = typed(KEY, "")
    shell("%graphbit keys set openai")
    assert prompts[0] == "Key for openai: "
    assert shell.text.startswith(f"openai: kept in {path}; the master key is in a file beside it")
    assert kept("openai") == KEY
    assert "canary" not in shell.text + json.dumps(shell.outputs)


def test_a_passphrase_is_asked_for_where_there_is_no_keychain(shell, typed):
    prompts = typed(KEY, "correct horse", "correct horse")
    shell("%graphbit keys set openai --master passphrase")
    assert [prompt.partition(" ")[0] for prompt in prompts] == ["Key", "New", "The"]
    assert "the master key comes of a passphrase" in shell.text


def test_a_label_tells_several_keys_apart(shell, typed):
    typed(KEY, "", "sk-home")
    shell("%graphbit keys set openai --label work")
    shell("%graphbit keys set openai:home")
    shell("%graphbit keys list openai")
    assert [line.split()[:2] for line in shell.text.splitlines()[2:4]] == [["openai", "home"], ["openai", "work"]]


def test_the_list_never_shows_a_key(shell, typed):
    typed(KEY, "")
    shell("%graphbit keys set openai")
    shell("%graphbit keys")
    assert re.search(r"openai .*\d{4}-\d\d-\d\d \d\d:\d\d +…LAST", shell.text)
    assert "canary" not in json.dumps(shell.outputs)


def test_without_keys_the_list_says_so(shell, path):
    shell("%graphbit keys")
    assert "no key is kept" in shell.text
    assert not path.exists()


@pytest.mark.parametrize(
    "line",
    [
        f"%graphbit keys set openai {KEY}",
        f"%graphbit keys set openai {KEY} more",
        f"%graphbit keys set openai --key {KEY}",
        f"%graphbit keys set openai --api-key={KEY}",
        f"%graphbit keys rotate openai {KEY}",
        f"%graphbit keys rm openai {KEY}",
    ],
)
def test_a_key_in_a_cell_is_refused_with_the_safe_way(shell, path, line):
    refused(shell, line, "a key does not belong into a cell.*new one.*%graphbit keys set PROVIDER alone.*hidden field")
    assert not path.exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"%graphbit keys {KEY}", "no such word; there are list, set, rm, rotate, unlock"),
        (f"%graphbit keys set {KEY}", "under the name of its provider"),
        (f"%graphbit keys set {KEY.lower()}", "no such provider; there are"),
        (f"%graphbit keys set openai={KEY}", "under the name of its provider"),
        (f"%graphbit keys rm {KEY.lower()}", "no key of that name is kept"),
        (f"%graphbit keys rotate {KEY.lower()}", "no key of that name is kept"),
    ],
)
def test_a_key_in_the_wrong_place_is_not_told_again(shell, line, message):
    refused(shell, line, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%graphbit keys lst", "no such word; did you mean 'list'"),
        ("%graphbit keys set", "keys set PROVIDER: say whose key"),
        ("%graphbit keys rm", "keys rm PROVIDER: say whose key"),
        ("%graphbit keys set opnai", "no such provider; did you mean 'openai'"),
        ("%graphbit keys set local", "local needs no key"),
        ("%graphbit keys list --label work", "--label needs a provider"),
        ("%graphbit keys set openai:a --label b", "give the label once"),
        ("%graphbit keys set openai --master keychian", "did you mean 'keychain'"),
        ("%graphbit keys set openai --master keychain", "no keychain that can be reached"),
        ("%graphbit keys rm openai --master file", "--master is for the first key"),
        ("%graphbit keys rotate", "no key is kept in"),
    ],
)
def test_a_slip_is_one_line(shell, typed, line, message):
    typed(KEY)
    refused(shell, line, message)


def test_an_empty_key_changes_nothing(shell, typed, path):
    typed("")
    refused(shell, "%graphbit keys set openai", "the key is empty; nothing was changed")
    assert not path.exists()


def test_a_key_is_thrown_away(shell, typed):
    typed(KEY, "")
    shell("%graphbit keys set openai")
    shell("%graphbit keys rm openai")
    assert SecureConfig().get("openai") is None
    refused(shell, "%graphbit keys rm openai", "no key 'openai' is kept")


def test_a_key_is_exchanged_and_the_master_key_too(shell, typed):
    typed(KEY, "", "sk-new")
    shell("%graphbit keys set openai")
    shell("%graphbit keys rotate openai")
    assert kept("openai") == "sk-new"
    typed("horse", "horse")
    shell("%graphbit keys rotate --master passphrase")
    assert "a new master key locks" in shell.text
    assert (SecureConfig().master, kept("openai")) == ("passphrase", "sk-new")
    refused(shell, "%graphbit keys set groq --master file", "has a master key already; %graphbit keys rotate --master")


def test_a_locked_file_is_unlocked_once_for_the_kernel(shell, typed):
    typed(KEY, "horse", "horse")
    shell("%graphbit keys set openai --master passphrase")
    masterkeys.forget_passphrases()
    with pytest.raises(gb.ConfigurationError, match="keys unlock"):
        SecureConfig().get("openai")
    typed("wrong")
    refused(shell, "%graphbit keys unlock", "the passphrase .* is not that of")
    typed("horse")
    shell("%graphbit keys unlock")
    assert kept("openai") == KEY


def test_a_file_that_is_refused_is_left_alone(shell, typed, path):
    path.write_text("mine")
    path.chmod(0o600)
    typed(KEY)
    refused(shell, "%graphbit keys set openai", "is damaged or was changed")
    assert path.read_text() == "mine"


def test_where_nobody_can_type_unseen_it_is_refused(shell, monkeypatch, path):
    def closed(prompt="", stream=None):
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", closed)
    refused(shell, "%graphbit keys set openai", "nobody can type here unseen; set GRAPHBIT_PASSPHRASE")

    def echoing(prompt="", stream=None):
        import warnings

        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        return KEY

    monkeypatch.setattr(getpass, "getpass", echoing)
    refused(shell, "%graphbit keys set openai", "nobody can type here unseen")
    assert not path.exists()


def test_the_words_are_offered(press):
    assert {word for word, *_ in press("%graphbit keys ¦")} == {"list", "set", "rm", "rotate", "unlock"}
    assert "--key" not in {word for word, *_ in press("%graphbit keys set openai -¦")}


# ---- in a real kernel


SETUP = """
import os
os.environ |= {{"GRAPHBIT_KEYS": {path!r}, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}}
os.environ.pop("GRAPHBIT_PASSPHRASE", None)
%load_ext graphbit_nb
"""


def answered(kernel, code, *lines):
    """Run a cell, and type these lines when it asks; return all that was said, as text, and what was asked."""
    request, asked = kernel.client.execute(code, allow_stdin=True), []
    for line in lines:
        message = kernel.client.get_stdin_msg(timeout=20)
        asked.append((message["content"]["prompt"], message["content"]["password"]))
        kernel.client.input(line)
    return json.dumps([message["content"] for message in kernel.messages(request)]), asked


def test_in_a_kernel_the_key_is_typed_into_a_password_field(kernel, path):
    kernel.run(SETUP.format(path=str(path)))
    said, asked = answered(kernel, "%graphbit keys set openai", KEY, "")
    assert asked[0] == ("Key for openai: ", True)
    assert all(is_hidden for _, is_hidden in asked)
    assert "openai: kept in" in said
    assert KEY not in said
    assert kept("openai") == KEY


def test_a_notebook_that_nobody_can_type_into_is_told_so(kernel, path):
    kernel.run(SETUP.format(path=str(path)))
    request = kernel.client.execute("%graphbit keys set openai", allow_stdin=False)
    assert "nobody can type here unseen" in json.dumps([message["content"] for message in kernel.messages(request)])
    assert not path.exists()
