"""A key file that is not as it was written, or not its owner's alone, is refused, and never written over."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from keykit import no_keychain  # noqa: F401 (a fixture)

from graphbit_nb.errors import ConfigurationError, GraphbitError, StorageError
from graphbit_nb.storage.private_files import locked, read_private, write_private
from graphbit_nb.storage.secrets import SecureConfig

KEY = "sk-canary-1234567890abcdefghijklmnop"
PASSPHRASE = "correct horse"


@pytest.fixture
def path(tmp_path):
    """A file with two keys, locked by a passphrase."""
    path = tmp_path / "keys.json"
    store = SecureConfig(path, passphrase=PASSPHRASE)
    store.set("openai", KEY)
    store.set("openai:work", "sk-work-1234567890")
    return path


def refusals(path, error=StorageError, message=""):
    """Every use of the file is refused in that way, and nothing is written."""
    before = path.read_bytes() if path.is_file() else None
    store = SecureConfig(path, passphrase=PASSPHRASE)
    calls = {
        "get": lambda: store.get("openai"),
        "list": store.list,
        "set": lambda: store.set("openai", "sk-new"),
        "remove": lambda: store.remove("openai"),
        "rotate": lambda: store.rotate(passphrase="new"),
        "unlock": store.unlock,
    }
    for call in calls.values():
        with pytest.raises(error, match=message) as refused:
            call()
        assert str(path.parent) in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not list(path.parent.glob("*.new"))


def changed(path, **changes):
    """Change a field, by its path with two underscores."""
    data = json.loads(path.read_text())
    for name, value in changes.items():
        *above, last = name.split("__")
        holder = data
        for part in above:
            holder = holder[part]
        holder[last] = value
    path.write_text(json.dumps(data))


def flipped(text):
    return ("B" if text[0] == "A" else "A") + text[1:]


def test_a_sound_file_opens(path):
    assert SecureConfig(path, passphrase=PASSPHRASE).get("openai").get_secret_value() == KEY


# ---- changed by somebody


@pytest.mark.parametrize("field", ["nonce", "sealed"])
def test_a_sealed_part_that_was_changed_is_refused(path, field):
    changed(path, **{field: flipped(json.loads(path.read_text())[field])})
    refusals(path, StorageError, "damaged or was changed by somebody.*nothing written")


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ["openai"]},
        {"names": ["openai", "openai:work", "groq"]},
        {"names": ["openai:work", "openai"]},
        {"names": ["openai", "openai"]},
        {"about": "put your keys here"},
    ],
)
def test_a_head_that_was_changed_is_refused(path, changes):
    changed(path, **changes)
    store = SecureConfig(path, passphrase=PASSPHRASE)
    for call in (lambda: store.get("openai"), lambda: store.set("openai", "x"), store.list, store.rotate):
        with pytest.raises(StorageError, match="damaged or was changed"):
            call()


@pytest.mark.parametrize(
    "changes", [{"master__check": "AAAA"}, {"master__id": "0" * 16}, {"master__salt": "AAAAAAAAAAAAAAAAAAAAAA=="}]
)
def test_a_changed_master_head_does_not_open(path, changes):
    changed(path, **changes)
    refusals(path, ConfigurationError, "is not that of .*, or somebody changed the file's head")


@pytest.mark.parametrize(
    "changes",
    [
        {"master__n": 2**30},  # all the memory there is
        {"master__n": 2},  # no work for who guesses
        {"master__n": "131072"},
        {"master__r": 10**9},
        {"master__p": 10**9},
        {"master__kind": "none"},
        {"master__kind": "file"},
        {"master__id": "../../etc/passwd"},
        {"master__salt": "é"},
        {"master__extra": 1},
        {"master": None},
        {"names": "openai"},
        {"names": [1]},
        {"names": ["../x"]},
        {"nonce": "AAAA"},
        {"nonce": None},
        {"sealed": ""},
        {"sealed": "not base64!"},
        {"version": 0},
        {"version": "1"},
        {"version": None},
        {"more": 1},
    ],
)
def test_a_field_that_cannot_be_is_refused_without_work(path, changes):
    changed(path, **changes)
    refusals(path, StorageError, "is damaged or was changed")


def test_no_changed_byte_goes_unnoticed(tmp_path):
    path = tmp_path / "keys.json"
    SecureConfig(path).set("openai", KEY)
    content = path.read_bytes()
    for at, byte in enumerate(content):
        for other in {byte ^ 1, byte ^ 32, ord('"')} - {byte}:
            path.write_bytes(content[:at] + bytes([other]) + content[at + 1 :])
            try:
                found = SecureConfig(path).list()
            except (StorageError, ConfigurationError):
                continue
            assert [info.name for info in found] == ["openai"]  # a blank became another one
            assert SecureConfig(path).get("openai").get_secret_value() == KEY


def test_keys_of_another_file_do_not_open_here(path, tmp_path):
    other = tmp_path / "other.json"
    SecureConfig(other, passphrase=PASSPHRASE).set("openai", "sk-other")
    data = json.loads(other.read_text())
    changed(path, nonce=data["nonce"], sealed=data["sealed"])
    refusals(path, StorageError, "damaged or was changed")


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -2, -100])
def test_a_truncated_file_is_refused(path, keep):
    content = path.read_bytes()
    whole = content.rstrip()
    path.write_bytes(whole[:keep])
    refusals(path, StorageError, "damaged or was changed")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"OPENAI_API_KEY=sk-1", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"\x00" * 100, "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"9" * 5000, "damaged"),
        (b'{"format": "graphbit_nb keys", "version": NaN}', "damaged"),
        (b'{"format": "graphbit_nb keys", "format": "graphbit_nb keys"}', "damaged"),
        (b"null", "no file of graphbit_nb's keys"),
        (b"{}", "no file of graphbit_nb's keys"),
        (b'{"openai": "sk-1"}', "no file of graphbit_nb's keys"),
        (b" " * (1024 * 1024 + 1), "more than 1,048,576 bytes"),
    ],
)
def test_what_is_not_ours_is_refused(path, content, message):
    path.write_bytes(content)
    refusals(path, StorageError, message)


def test_a_newer_version_is_left_to_the_newer_program(path):
    changed(path, version=2, cipher="something better")
    refusals(path, StorageError, "newer graphbit_nb .its version is 2, this one knows 1.; update")


# ---- whose file it is


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620, 0o601])
def test_a_file_that_is_open_to_others_is_refused(path, mode):
    path.chmod(mode)
    refusals(path, StorageError, rf"open to other users .mode {mode:o}.*chmod 600")


def test_a_master_key_that_is_open_to_others_is_refused(tmp_path):
    path = tmp_path / "keys.json"
    SecureConfig(path).set("openai", KEY)
    (master,) = tmp_path.glob("*.master")
    master.chmod(0o644)
    refusals(path, StorageError, "master is open to other users")


def test_a_file_of_another_user_is_refused(path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    refusals(path, StorageError, "belongs to another user")


def test_a_file_that_may_not_be_read_is_refused(path, monkeypatch):
    def denied(*given, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("graphbit_nb.storage.private_files.os.open", denied)
    with pytest.raises(StorageError, match="cannot be read: Permission denied"):
        SecureConfig(path).get("openai")


def test_a_symbolic_link_is_not_followed(path, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(path)
    refusals(link, StorageError, "is a symbolic link, which is not followed")
    assert link.is_symlink()


def test_a_link_to_nowhere_is_not_written_through(tmp_path):
    link, target = tmp_path / "keys.json", tmp_path / "target"
    link.symlink_to(target)
    refusals(link, StorageError, "is a symbolic link")
    assert not target.exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "keys.json.lock").symlink_to(target)
    with pytest.raises(StorageError, match="lock cannot be made"):
        SecureConfig(tmp_path / "keys.json").set("openai", KEY)
    assert not target.exists()


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir(mode=0o700)
    for name in ("pipe", "directory"):
        refusals(tmp_path / name, StorageError, "is no file")


def test_a_place_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        SecureConfig(tmp_path / "file" / "keys.json").set("openai", KEY)
    with pytest.raises(GraphbitError, match="null"):
        SecureConfig(f"{tmp_path}/a\0b").get("openai")


# ---- how it is written


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch):
    content = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("graphbit_nb.storage.private_files.os.fsync", full)
    with pytest.raises(StorageError, match="cannot be written: No space left on device"):
        SecureConfig(path, passphrase=PASSPHRASE).set("groq", "gsk-1")
    assert path.read_bytes() == content
    assert not list(path.parent.glob("*.new"))


def test_a_first_write_that_fails_leaves_no_master_key(tmp_path, monkeypatch):
    path = tmp_path / "keys.json"
    real = os.replace

    def denied(self, target):
        if Path(target) == path:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", denied)
    with pytest.raises(StorageError, match="No space left"):
        SecureConfig(path).set("openai", KEY)
    assert {file.name for file in tmp_path.iterdir()} == {"keys.json.lock"}


def test_a_file_is_closed_to_others_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        write_private(tmp_path / "new" / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert read_private(tmp_path / "new" / "file") == b"x"


def test_another_process_that_holds_the_lock_is_waited_for_and_then_named(path):
    content = path.read_bytes()
    holding = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", holding, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="locked by another process for more than 0 s"):
            SecureConfig(path, passphrase=PASSPHRASE, patience=0).set("groq", "gsk-1")
        assert SecureConfig(path, passphrase=PASSPHRASE).get("openai") is not None
        other.stdin.close()
    assert path.read_bytes() == content


def test_a_lock_is_tried_until_patience_ends(tmp_path):
    path = tmp_path / "keys.json"
    now, pauses = [0.0], []

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    with (tmp_path / "keys.json.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with (
            pytest.raises(StorageError, match="more than 1 s"),
            locked(path, patience=1, clock=lambda: now[0], sleep=sleep),
        ):
            pass
    assert 15 < len(pauses) < 25
    with locked(path, patience=0):
        pass


def test_spoilt_files_give_our_errors_alone_and_run_nothing():
    program = Path(__file__).with_name("keyfuzz.py")
    done = subprocess.run([sys.executable, program, "300"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or done.stdout
    assert done.stdout.endswith("code that ran: none\n")
