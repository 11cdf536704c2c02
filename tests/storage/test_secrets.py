"""Keys are kept encrypted, found by name, exchanged and thrown away; nothing that is shown holds one."""

import base64
import copy
import datetime as dt
import json
import os
import pickle
import subprocess
import sys
import threading
import traceback

import keykit
import keyring
import pytest
from keykit import Keychain
from pydantic import SecretStr

from graphbit_nb.errors import ConfigurationError, GraphbitError, StorageError, UsageError
from graphbit_nb.storage import masterkeys
from graphbit_nb.storage.masterkeys import forget_passphrases
from graphbit_nb.storage.secrets import SecureConfig, stored_key

KEY = "sk-canary-1234567890abcdefghijklmnop-LAST"

no_keychain, keychain = keykit.no_keychain, keykit.keychain


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "keys.json"


@pytest.fixture
def store(path):
    return SecureConfig(path, clock=lambda: 1_700_000_000.0)


class Typing:
    """A person who types these lines."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.prompts = []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        return self.lines.pop(0)


def raw(found):
    return None if found is None else found.get_secret_value()


def files_of(path):
    return {file.name.split(".")[-1]: file for file in path.parent.iterdir()}


# ---- set, get, list, remove


def test_a_key_is_found_again_by_another_process(store, path):
    store.set("openai", KEY)
    assert raw(SecureConfig(path).get("openai")) == KEY


def test_there_are_several_keys_for_one_provider(store):
    store.set("openai", KEY)
    store.set("openai:work", SecretStr("sk-work"))
    assert raw(store.get("openai")) == KEY
    assert raw(store.get("openai:work")) == "sk-work"
    assert store.get("openai:home") is None


def test_where_there_is_no_file_there_is_no_key_and_none_is_made(store, path):
    assert store.get("openai") is None
    assert store.list() == store.names() == ()
    assert store.master is None
    assert not path.parent.exists()


def test_what_is_listed_says_what_is_safe_to_say(store):
    store.set("openai:work", KEY)
    store.set("groq", "short-key")
    groq, openai = store.list()
    assert (openai.provider, openai.label, openai.ending) == ("openai", "work", "LAST")
    assert (groq.provider, groq.label, groq.ending) == ("groq", None, "")
    assert openai.since == dt.datetime.fromtimestamp(1_700_000_000, dt.UTC)
    assert KEY not in repr((groq, openai))


def test_a_key_is_set_anew(store):
    store.set("openai", "sk-old")
    store.set("openai", "sk-new")
    assert raw(store.get("openai")) == "sk-new"
    assert len(store.list()) == 1


def test_what_another_process_wrote_is_seen_at_once(store, path):
    store.set("openai", "sk-old")
    assert raw(store.get("openai")) == "sk-old"
    SecureConfig(path).set("openai", "sk-new")
    assert raw(store.get("openai")) == "sk-new"


def test_a_removed_key_is_gone_from_the_file(store, path):
    store.set("openai", KEY)
    store.set("groq", "gsk-other")
    store.remove("openai")
    assert store.get("openai") is None
    assert SecureConfig(path).names() == ("groq",)


def test_removing_what_is_not_there_names_what_is(store):
    store.set("openai", KEY)
    with pytest.raises(UsageError, match="no key 'openia' is kept; did you mean 'openai'"):
        store.remove("openia")


def test_blanks_around_a_key_are_taken_off(store):
    store.set("openai", f"  {KEY}\n")
    assert raw(store.get("openai")) == KEY


@pytest.mark.parametrize(
    "key", ["", "  ", "two words", "sk-\x00", "sk-\n-x", "sk-é", "sk-\ud800", "x" * 9000, 5, None, b"sk"]
)
def test_what_is_no_key_is_refused_and_not_told(store, path, key):
    with pytest.raises(UsageError) as refused:
        store.set("openai", key)
    assert not isinstance(key, str) or len(key) < 3 or key not in str(refused.value)
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["", " ", "a b", ":work", "openai:", "a:b:c", "../x", "-x", "x" * 200, None, 5, "sk/1=2"]
)
def test_what_is_no_name_is_refused_and_not_told(store, name):
    with pytest.raises(UsageError) as refused:
        store.set(name, KEY)
    assert str(refused.value) == "a key is kept under the name of its provider, such as 'openai', or 'openai:work'"


def test_a_key_given_in_the_place_of_a_name_is_not_told(store):
    store.set("openai", KEY)
    with pytest.raises(UsageError) as refused:
        store.remove("sk-canary-123")
    assert "canary" not in str(refused.value)


# ---- what shows


def test_nothing_that_shows_holds_a_key(store, path):
    store = SecureConfig(path, passphrase="open sesame")
    store.set("openai", KEY)
    store.get("openai")
    shown = [repr(store), str(vars(store)), repr(store._read), repr(pickle.dumps(store)), repr(vars(store._masters))]
    shown += [repr(store.list()), repr(store.get("openai")), *map(str, files_of(path).values())]
    for text in shown:
        assert KEY not in text
        assert "sesame" not in text
    for file in files_of(path).values():
        assert KEY.encode() not in file.read_bytes()
        assert b"sesame" not in file.read_bytes()


def test_a_pickle_and_a_copy_hold_the_path_alone(path):
    store = SecureConfig(path, passphrase="open sesame")
    store.set("openai", KEY)
    forget_passphrases()
    for other in (pickle.loads(pickle.dumps(store)), copy.deepcopy(store)):
        assert other.path == path
        with pytest.raises(ConfigurationError, match="locked by a passphrase"):
            other.get("openai")


def test_equal_keys_are_not_seen_to_be_equal(store, path):
    store.set("openai", KEY)
    first = json.loads(path.read_text())
    store.set("openai", KEY)
    second = json.loads(path.read_text())
    assert first["nonce"] != second["nonce"]
    assert first["sealed"] != second["sealed"]


def refused_locals(call):
    """What a traceback with locals would show of our own frames."""
    with pytest.raises(GraphbitError) as refused:
        call()
    shown, errors = [], [refused.value]
    while errors:
        error = errors.pop()
        errors += [other for other in (error.__cause__, error.__context__) if other is not None]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "graphbit_nb" in frame.f_code.co_filename:
                shown += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        shown.append(str(error))
    return "\n".join(shown)


def test_a_traceback_with_locals_shows_no_key_and_no_passphrase(path):
    passphrase = SecretStr("open sesame")
    store = SecureConfig(path, passphrase=passphrase)
    store.set("openai", SecretStr(KEY))
    good = path.read_bytes()
    bad = SecretStr(f"{KEY} and more")
    shown = [refused_locals(lambda: store.set("openai", bad)), refused_locals(lambda: store.set("a b", SecretStr(KEY)))]
    forget_passphrases()
    for content in (
        good[:-200],
        good.replace(b'"nonce": "', b'"nonce": "AAAA')[:-3],
        good.replace(b'"openai"', b'"opemai"'),
    ):
        path.write_bytes(content)
        for use in (SecureConfig(path, passphrase=passphrase), store, SecureConfig(path, passphrase="sesame open")):
            shown += [refused_locals(use.list), refused_locals(lambda use=use: use.set("groq", SecretStr(KEY)))]
    assert len(shown) == 20
    assert not [text for text in shown if "canary" in text or "sesame" in text]


def test_libraries_are_loaded_when_a_file_is_opened_and_not_before(tmp_path):
    script = (
        "import sys; from graphbit_nb.storage.secrets import stored_key; stored_key('openai'); "
        "print(*{'cryptography', 'keyring', 'getpass'} & {*sys.modules})"
    )
    environ = {**os.environ, "GRAPHBIT_KEYS": str(tmp_path / "keys.json")}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# ---- where the file is


def test_the_file_is_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHBIT_KEYS", str(tmp_path / "mine.json"))
    assert SecureConfig().path == tmp_path / "mine.json"


def test_else_it_is_in_the_configuration_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("GRAPHBIT_KEYS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert SecureConfig().path == tmp_path / "graphbit_nb" / "keys.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert SecureConfig().path == tmp_path / "home" / ".config" / "graphbit_nb" / "keys.json"


@pytest.mark.parametrize("path", ["/", 5, b"x"])
def test_what_is_no_path_of_a_file_is_refused(path):
    with pytest.raises(UsageError, match="give the path of a file"):
        SecureConfig(path)


def test_clients_find_what_is_kept_in_the_users_own_file(monkeypatch, path):
    monkeypatch.setenv("GRAPHBIT_KEYS", str(path))
    assert stored_key("openai") is None
    SecureConfig().set("openai", KEY)
    assert raw(stored_key("openai")) == KEY
    SecureConfig().rotate("openai", "sk-new")
    assert raw(stored_key("openai")) == "sk-new"
    assert stored_key("no/name of a key") is None


# ---- the master key


def test_the_keychain_keeps_the_master_key_where_there_is_one(keychain, store, path):
    store.set("openai", KEY)
    assert store.master == "keychain"
    assert len(keychain.kept) == 1
    assert set(files_of(path)) == {"json", "lock"}
    assert raw(SecureConfig(path).get("openai")) == KEY


def test_a_keychain_in_a_chain_is_found(store):
    class Chain(Keychain):
        backends = ()

    chain = Chain()
    chain.backends = (behind := Keychain(),)
    keyring.set_keyring(chain)
    store.set("openai", KEY)
    assert behind.kept
    assert not chain.kept


@pytest.mark.parametrize("facts", [{"priority": 0.5}, {"priority": -1}, {"__module__": "keyrings.alt.file"}])
def test_a_keychain_that_keeps_no_secret_is_not_taken(store, facts):
    plain = type("Plain", (Keychain,), facts)()
    keyring.set_keyring(plain)
    store.set("openai", KEY)
    assert not plain.kept
    assert store.master == "file"


def test_a_locked_keychain_is_told_without_its_own_words(keychain, store):
    store.set("openai", KEY)
    keychain.is_locked = True
    with pytest.raises(StorageError, match=r"did not answer .RuntimeError.; unlock it") as refused:
        SecureConfig(store.path).get("openai")
    assert "sk-in" not in str(refused.value)


def test_a_keychain_without_our_entry_says_what_to_do(keychain, store, path):
    store.set("openai", KEY)
    content = path.read_bytes()
    keychain.kept.clear()
    with pytest.raises(ConfigurationError, match="another machine"):
        SecureConfig(path).get("openai")
    with pytest.raises(ConfigurationError, match="another machine"):
        SecureConfig(path).set("groq", KEY)
    assert path.read_bytes() == content


def test_a_keychain_that_is_gone_says_so(keychain, store, path):
    store.set("openai", KEY)
    keyring.set_keyring(masterkeys_without())
    with pytest.raises(ConfigurationError, match="no keychain that can be reached"):
        SecureConfig(path).get("openai")


def masterkeys_without():
    from keyring.backends.fail import Keyring

    return Keyring()


def test_an_entry_of_the_keychain_that_somebody_changed_is_refused(keychain, store, path):
    store.set("openai", KEY)
    (name,) = keychain.kept
    keychain.kept[name] = "not base64!"
    with pytest.raises(StorageError, match=r"master key of keys\.json is damaged"):
        SecureConfig(path).get("openai")
    keychain.kept[name] = base64.b64encode(b"x" * 32).decode()
    with pytest.raises(ConfigurationError, match="is not that of"):
        SecureConfig(path).get("openai")


def test_a_passphrase_from_the_environment_opens_and_locks(monkeypatch, path):
    monkeypatch.setenv("GRAPHBIT_PASSPHRASE", "correct horse")
    store = SecureConfig(path)
    store.set("openai", KEY)
    assert store.master == "passphrase"
    assert set(files_of(path)) == {"json", "lock"}
    monkeypatch.setenv("GRAPHBIT_PASSPHRASE", "wrong")
    forget_passphrases()
    with pytest.raises(ConfigurationError, match=r"the passphrase .* is not that of"):
        SecureConfig(path).get("openai")


def test_a_passphrase_is_asked_for_once_in_a_process(path):
    SecureConfig(path, passphrase="correct horse").set("openai", KEY)
    forget_passphrases()
    typing = Typing("correct horse")
    assert raw(SecureConfig(path, ask=typing).get("openai")) == KEY
    assert raw(SecureConfig(path).get("openai")) == KEY
    assert typing.prompts == ["Passphrase of keys.json: "]


def test_nobody_is_asked_for_what_is_not_there(path):
    SecureConfig(path, passphrase="correct horse").set("openai", KEY)
    forget_passphrases()
    store = SecureConfig(path)
    assert store.get("ollama") is None
    assert store.names() == ("openai",)
    with pytest.raises(ConfigurationError, match=r"keys unlock.*GRAPHBIT_PASSPHRASE"):
        store.get("openai")


def test_a_wrong_passphrase_is_not_remembered_and_writes_nothing(path):
    SecureConfig(path, passphrase="correct horse").set("openai", KEY)
    content = path.read_bytes()
    forget_passphrases()
    wrong = SecureConfig(path, passphrase="correct hoarse")
    for call in (
        wrong.unlock,
        wrong.list,
        lambda: wrong.set("groq", "gsk"),
        lambda: wrong.remove("openai"),
        wrong.rotate,
    ):
        with pytest.raises(ConfigurationError, match=r"the passphrase .* is not that of|a new passphrase is needed"):
            call()
    assert path.read_bytes() == content
    assert raw(SecureConfig(path, passphrase="correct horse").get("openai")) == KEY


def test_a_passphrase_is_the_same_however_its_accents_are_typed(path):
    SecureConfig(path, passphrase="caf\u00e9").set("openai", KEY)
    forget_passphrases()
    assert raw(SecureConfig(path, passphrase="cafe\u0301").get("openai")) == KEY


def test_a_new_passphrase_is_typed_twice(path):
    with pytest.raises(UsageError, match="not the same; nothing was changed"):
        SecureConfig(path, ask=Typing("one", "two")).set("openai", KEY)
    assert not path.exists()
    store = SecureConfig(path, ask=Typing("one", "one"))
    store.set("openai", KEY)
    assert store.master == "passphrase"


def test_who_types_no_passphrase_gets_a_file(path):
    store = SecureConfig(path, ask=Typing(""))
    store.set("openai", KEY)
    assert store.master == "file"


def test_a_passphrase_that_cannot_be_read_is_refused(path):
    with pytest.raises(UsageError, match="type it again"):
        SecureConfig(path, passphrase="\ud800").set("openai", KEY)


def test_a_master_key_in_a_file_says_what_it_is_and_is_closed_to_others(store, path):
    store.set("openai", KEY)
    master = files_of(path)["master"]
    assert master.read_text().startswith(
        "graphbit_nb master key 1: who reads this file can read the API keys in keys.json"
    )
    for file in (path, master):
        assert file.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_master_key_that_is_gone_or_spoilt_is_told(store, path):
    store.set("openai", KEY)
    content, master = path.read_bytes(), files_of(path)["master"]
    good = master.read_bytes()
    for bad, error, message in (
        (b"", StorageError, "is no master key"),
        (b"hello\nworld\n", StorageError, "is no master key"),
        (good[:-5], StorageError, "is no master key"),
        (good.replace(good[-8:], b"\xff\n"), StorageError, "is damaged"),
        (good.split(b"\n")[0] + b"\n" + base64.b64encode(b"x" * 32) + b"\n", ConfigurationError, "is not that of"),
    ):
        master.write_bytes(bad)
        with pytest.raises(error, match=message):
            SecureConfig(path).set("openai", "sk-new")
    master.unlink()
    with pytest.raises(ConfigurationError, match=r"is gone, and .* cannot be read without it"):
        SecureConfig(path).get("openai")
    assert path.read_bytes() == content


def test_where_the_master_key_is_can_be_said(path):
    SecureConfig(path, passphrase="x").set("openai", KEY, master="file")
    assert SecureConfig(path).master == "file"
    with pytest.raises(UsageError, match="master='keychian'; did you mean 'keychain'"):
        SecureConfig(path).set("openai", KEY, master="keychian")


# ---- rotation


def test_one_key_is_exchanged(store):
    store.set("openai", "sk-old")
    store.rotate("openai", "sk-new")
    assert raw(store.get("openai")) == "sk-new"
    with pytest.raises(UsageError, match="no key 'groq' is kept"):
        store.rotate("groq", "gsk")


def test_a_new_master_key_leaves_the_keys_and_throws_the_old_one_away(store, path):
    store.set("openai", KEY)
    before = files_of(path)["master"]
    store.rotate()
    assert raw(SecureConfig(path).get("openai")) == KEY
    assert not before.exists()
    assert len(list(path.parent.glob("*.master"))) == 1


def test_the_master_key_moves_from_file_to_passphrase_to_keychain(store, path):
    store.set("openai", KEY)
    store.rotate(passphrase="correct horse")
    assert (store.master, list(path.parent.glob("*.master"))) == ("passphrase", [])
    keyring.set_keyring(found := Keychain())
    store.rotate(master="keychain")
    assert (store.master, len(found.kept)) == ("keychain", 1)
    store.rotate()
    assert len(found.kept) == 1
    assert raw(SecureConfig(path).get("openai")) == KEY


def test_a_new_passphrase_is_not_the_one_of_the_environment(monkeypatch, path):
    monkeypatch.setenv("GRAPHBIT_PASSPHRASE", "old")
    SecureConfig(path).set("openai", KEY)
    with pytest.raises(ConfigurationError, match="a new passphrase is needed"):
        SecureConfig(path).rotate()
    SecureConfig(path, ask=Typing("new", "new")).rotate()
    forget_passphrases()
    assert raw(SecureConfig(path, passphrase="new").get("openai")) == KEY


def test_a_rotation_that_cannot_be_written_leaves_everything_as_it_was(store, path, monkeypatch):
    store.set("openai", KEY)
    before = {file: file.read_bytes() for file in files_of(path).values()}
    real = store._write

    def full(*given):
        raise StorageError("the disk is full")

    monkeypatch.setattr(store, "_write", full)
    with pytest.raises(StorageError, match="disk is full"):
        store.rotate()
    monkeypatch.setattr(store, "_write", real)
    assert {file: file.read_bytes() for file in files_of(path).values()} == before
    assert raw(store.get("openai")) == KEY


def test_a_process_that_dies_while_it_rotates_leaves_the_keys_as_they_were(store, path):
    store.set("openai", KEY)
    content = path.read_bytes()
    dying = (
        "import os, sys; from pathlib import Path; from graphbit_nb.storage.secrets import SecureConfig\n"
        "real = Path.replace\n"
        "Path.replace = lambda self, to: os._exit(9) if Path(to).suffix == '.json' else real(self, to)\n"
        "SecureConfig(sys.argv[1]).rotate(master='file')"
    )
    assert subprocess.run([sys.executable, "-c", dying, path], check=False).returncode == 9
    assert path.read_bytes() == content
    assert len(list(path.parent.glob("*.master"))) == 2
    assert raw(SecureConfig(path).get("openai")) == KEY
    SecureConfig(path).rotate()
    assert raw(SecureConfig(path).get("openai")) == KEY


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "openai"}, "neither for a new master key"),
        ({"key": KEY}, "neither for a new master key"),
        ({"name": "openai", "key": KEY, "master": "file"}, "not both at once"),
        ({"master": "file", "passphrase": "x"}, "has no passphrase"),
    ],
)
def test_arguments_of_rotate_that_do_not_fit_are_refused(store, given, message):
    store.set("openai", KEY)
    with pytest.raises(UsageError, match=message) as refused:
        store.rotate(**given)
    assert KEY not in str(refused.value)


def test_there_is_nothing_to_rotate_without_keys(store):
    with pytest.raises(UsageError, match="no key is kept in"):
        store.rotate()


def test_more_keys_than_can_be_read_again_are_not_written(store, path, monkeypatch):
    store.set("openai", KEY)
    content = path.read_bytes()
    monkeypatch.setattr("graphbit_nb.storage.secrets.LARGEST", len(content))
    with pytest.raises(UsageError, match="remove keys that are not used"):
        store.set("groq", KEY)
    assert path.read_bytes() == content


# ---- several at once


def test_threads_and_processes_that_write_at_once_lose_nothing(path):
    SecureConfig(path).set("first", "sk-0")
    threads = [threading.Thread(target=SecureConfig(path).set, args=(f"p{n}", f"sk-{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(SecureConfig(path).list()) == 9


def test_passphrases_are_stretched_as_owasp_asks(monkeypatch):
    monkeypatch.undo()
    assert masterkeys.SCRYPT == {"n": 131072, "r": 8, "p": 1}
