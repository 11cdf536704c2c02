"""Spoils key files, and uses them: they open or are refused by our own errors, stay as they are, and run no code.

``python -m tests.storage.keyfuzz 5000`` does it that often; the suite a few hundred times.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from graphbit_nb.errors import GraphbitError
from graphbit_nb.storage import masterkeys
from graphbit_nb.storage.secrets import SecureConfig

PASSPHRASE = "correct horse"
KEYS = {"openai": "sk-canary-1", "openai:work": "sk-canary-2", "anthropic": "sk-ant-canary-3"}
WATCHED = frozenset({"exec", "compile", "os.system", "os.exec", "subprocess.Popen", "import", "pickle.find_class"})
JUNK = [
    None, True, False, 0, 1, 2, -1, 2**14, 2**40, 10**400, 1.5, -0.0, 1e308, "", " ", "x", "\0", "\u202e",
    "\ud800", "AAAA",
    "A" * 5000, "=", "é", "0" * 16, "../../etc/passwd", "file", "keychain", "passphrase", "none", "openai",
    "a:b:c", "os:system",
    "__class__", "{{ 7*7 }}", "!!python/object/apply:os.system", [], [[]], {}, {"": ""}, {"kind": "file"},
    ["openai"], [None],
    {"kind": "file", "id": "0" * 16, "check": ""}, {"__reduce__": ["os.system", "x"]}, [["a"] * 50] * 50,
]  # fmt: skip
SPLICES = [
    b"\xff", b"\xef\xbb\xbf", b"\x00", b"\r", b"\xc2\x85", b"'", b'"', b"{", b"}", b"[", b"]", b": ", b",",
    b"NaN", b"Infinity",
    b"1e999", b"\\", b"\\ud800", b"[" * 5000, b'{"a":' * 5000, b"\n", b"//", b"9" * 5000, b'"format": "x",',
    b"cos\nsystem\n",
    b"\x80\x04\x95", b"!!python/object/apply:os.system",
]  # fmt: skip


def good_files(where: Path) -> list[tuple[Path, bytes, bytes]]:
    """Make sound files; return the paths of key file and master key (or of nothing), and what is in them."""
    found = []
    for kind in ("file", "passphrase"):
        path = where / f"keys-{kind}.json"
        for name, key in KEYS.items():
            SecureConfig(path, passphrase=PASSPHRASE).set(name, key, master=kind)
        masters = list(where.glob(f"{path.name}.*.master"))
        found.append((path, path.read_bytes(), *((masters[0], masters[0].read_bytes()) if masters else (None, b""))))
    return found


def spoiled(content: bytes, rng: random.Random) -> bytes:
    """Return the file, changed in several ways."""
    try:
        data = json.loads(content)
    except ValueError:  # a master key
        data = None
    if data is not None:
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            _spoil_data(data, rng)
        content = json.dumps(data, ensure_ascii=rng.random() < 0.8, indent=rng.choice([None, 2])).encode(
            "utf-8", "surrogatepass"
        )
    changed = bytearray(content)
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 4]) if data is not None else rng.choice([1, 2])):
        _spoil_bytes(changed, rng)
    return bytes(changed)


def _spoil_data(data: dict, rng: random.Random) -> None:
    holders, stack = [], [data]
    while stack:
        found = stack.pop()
        if isinstance(found, dict | list):
            holders.append(found)
            stack.extend(found.values() if isinstance(found, dict) else found)
    holder = rng.choice([holder for holder in holders if holder] or [data])
    if not holder:
        holder["version"] = rng.choice(JUNK)
        return
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice([str(key)[1:], str(key) + "s", "kind", "names", "version", "x"])] = holder.pop(key)
        case 2:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}
        case 3:
            other = rng.choice(holders)
            inside = list(other.values()) if isinstance(other, dict) else other
            holder[key] = copy.deepcopy(rng.choice(inside or [None]))
        case 4 if isinstance(holder[key], str) and holder[key]:
            text, at = holder[key], rng.randrange(len(holder[key]))
            holder[key] = text[:at] + rng.choice("ABab01/+=") + text[at + 1 :]
        case _:
            holder[key] = copy.deepcopy(rng.choice(JUNK))


def _spoil_bytes(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content) + 1)
    match rng.randrange(5):
        case 0:
            del content[at : at + rng.choice([1, 2, 10, 1000])]
        case 1:
            del content[at:]
        case 2:
            content[at:at] = rng.choice(SPLICES)
        case 3:
            content[at : at + 1] = bytes([rng.randrange(256)])
        case _:
            content[at:at] = content[at : at + rng.randrange(200)]


def use(path: Path, rng: random.Random) -> str:
    """Do with the file what can be done; return how that ended.

    Raises:
        AssertionError: a wrong key came of it, a refusal held one, or something that was refused wrote into the file.
    """
    store = SecureConfig(path, passphrase=PASSPHRASE, patience=0)
    before = path.read_bytes()
    name = rng.choice([*KEYS, "groq"])
    ends = "opened"
    calls = [store.list, store.unlock, store.names, lambda: store.get(name)]
    calls += [lambda: store.set("new", "sk-new"), lambda: store.remove(name), lambda: store.rotate(passphrase="new")]
    for call in (*calls[:4], rng.choice(calls[4:])):
        is_last = call in calls[4:]
        try:
            given = call()
        except GraphbitError as error:
            if path.read_bytes() != before or "canary" in str(error):
                raise AssertionError(f"a refused call wrote into the file, or told a key: {error}") from error
            ends = type(error).__name__
            continue
        if call is calls[3]:
            assert given is None or given.get_secret_value() == KEYS[name], "a wrong key was given"
        if is_last and path.read_bytes() != before:  # only what opens is written
            kept = SecureConfig(path, passphrase="new" if call is calls[6] else PASSPHRASE)
            for info in kept.list():
                assert kept.get(info.name).get_secret_value() == {**KEYS, "new": "sk-new"}[info.name]
    return ends


def run(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Spoil and use that many files; return how they ended, and what code ran.

    Raises:
        AssertionError: one ended in another way than it may; the message has its seed and what was in it.
    """
    masterkeys.SCRYPT = {"n": 2**14, "r": 8, "p": 1}
    masterkeys._keychain = lambda: None
    ends: Counter[str] = Counter()
    ran: list[str] = []
    is_on = [False]
    sys.addaudithook(lambda name, args: ran.append(f"{name} {args[:1]}") if is_on[0] and name in WATCHED else None)
    with tempfile.TemporaryDirectory() as directory:
        files = good_files(Path(directory))
        for path, content, *_ in files:  # loads what is loaded late
            use(path, random.Random(0))
            path.write_bytes(content)
            use_refused(path, content)
        is_on[0] = True
        for number in range(seed, seed + count):
            rng = random.Random(number)
            path, content, master, secret = rng.choices(files, [4, 1])[0]
            spoils_master = master is not None and rng.random() < 0.2
            for old in Path(directory).glob(f"{path.name}.*.master"):
                old.unlink()
            path.write_bytes(content if spoils_master else spoiled(content, rng))
            if master is not None:
                master.write_bytes(spoiled(secret, rng) if spoils_master else secret)
                master.chmod(0o600)
            try:
                ends[use(path, rng)] += 1
            except Exception as error:
                now = path.read_bytes()
                raise AssertionError(f"seed {number}: {type(error).__name__}: {error}\n{now!r}") from error
        is_on[0] = False
    return ends, ran


def use_refused(path: Path, content: bytes) -> None:
    """Have each sort of refusal once."""
    for bad in (content[:50], content.replace(b'"kind"', b'"kin"'), content.replace(b'"names": [', b'"names": [1, ')):
        path.write_bytes(bad)
        use(path, random.Random(0))
    path.write_bytes(content)


def main(count: int) -> None:
    """Say how so many files ended."""
    started = time.perf_counter()
    ends, ran = run(count)
    print(f"{time.perf_counter() - started:.1f} s", file=sys.stderr)
    print(f"{count} spoilt key files: {dict(ends)}; code that ran: {ran[:5] or 'none'}")
    if ran or not ends["StorageError"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
