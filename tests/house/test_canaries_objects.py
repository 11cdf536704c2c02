"""A canary key is in none of the ways in which an object shows itself, is copied, pickled or written to a file."""

import copy
import dataclasses
import io
import json
import pickle
import sys
import traceback

import pytest
from canarykit import asking, canary, echoing, holds, talk

import graphbit_nb as gb
from graphbit_nb.core.redaction import redact
from graphbit_nb.providers.environment import environment
from graphbit_nb.providers.presets import resolve

INPUTS = {"topic": "hello"}
URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def server():
    with echoing() as some:
        yield some


@pytest.fixture
def key():
    return canary()


WAYS = {
    "argument": lambda key: gb.LlmConfig.openai("m", api_key=key),
    "azure": lambda key: gb.LlmConfig.azure("m", endpoint="https://x.openai.azure.com", api_key=key),
    "header": lambda key: gb.LlmConfig.openai_compatible(
        base_url=URL, model="m", headers={"Authorization": f"Bearer {key}"}
    ),
    "gateway": lambda key: gb.LlmConfig.openai_compatible(base_url=URL, model="m", headers={"x-gateway-token": key}),
    "address": lambda key: gb.LlmConfig.openai_compatible(base_url=f"https://me:{key}@host/v1", model="m"),
    "parameter": lambda key: gb.LlmConfig.openai_compatible(base_url=f"https://host/v1?api_key={key}", model="m"),
}

SHOWN = {
    "repr": repr,
    "str": str,
    "format": lambda it: f"{it} {it!r} {it!s}",
    "vars": lambda it: repr(vars(it)) if hasattr(it, "__dict__") else "",
    "getstate": lambda it: repr(it.__getstate__()),
    "fields": lambda it: repr([(name, getattr(it, name)) for name in type(it).model_fields]),
    "copy": lambda it: repr(vars(copy.copy(it))) + repr(copy.deepcopy(it)) + repr(it.model_copy()),
    "dict of it": lambda it: repr(dict(it)),
    "model_dump": lambda it: repr(it.model_dump()),
    "json": lambda it: it.model_dump_json(exclude={"base_url"}),
    "pickle": pickle.dumps,
    "print": lambda it: (out := io.StringIO(), print(it, file=out), out.getvalue())[2],
}


SHOWN_OF_ADDRESSES = ("repr", "str", "format", "print")  # the address itself is kept as it was given


@pytest.mark.parametrize(
    ("way", "shown"),
    [(way, how) for way in WAYS for how in (SHOWN_OF_ADDRESSES if way in ("address", "parameter") else SHOWN)],
)
def test_a_config_shows_no_key(way, shown, key):
    assert holds(SHOWN[shown](WAYS[way](key)), key) == set()


@pytest.mark.parametrize("way", WAYS)
def test_a_config_asks_with_the_key_that_it_does_not_show(way, key):
    found = resolve(WAYS[way](key))
    assert holds(repr(found), key) == set()
    whole = [found.base_url, *found.headers.values(), found.key.get_secret_value() if found.key else ""]
    assert holds("\n".join(whole), key) == {key}


def test_a_copy_of_a_config_still_has_its_key(key):
    for config in (WAYS["argument"](key), WAYS["gateway"](key)):
        for other in (copy.copy(config), copy.deepcopy(config), config.with_model("n")):
            found = resolve(other)
            assert holds(str([*found.headers.values(), found.key and found.key.get_secret_value()]), key) == {key} or (
                found.key is not None and found.key.get_secret_value() == key
            )


@pytest.mark.parametrize("way", WAYS)
def test_a_client_and_what_makes_it_show_no_key(way, key):
    from graphbit_nb.providers.api import ApiClient
    from graphbit_nb.providers.http import HttpPools

    client = ApiClient.from_config(WAYS[way](key), HttpPools())
    connection = client._connection
    texts = [
        repr(client),
        repr(connection),
        repr(connection.endpoint),
        repr(connection.failures("m")),
        repr(client._pools),
    ]
    assert holds("\n".join(texts), key) == set()


@pytest.mark.parametrize("model", ["refuses", "fine"])
def test_a_workflow_an_executor_and_a_result_show_and_pickle_no_key(server, key, model):
    config = asking(server, model, key)
    builder = gb.WorkflowBuilder("holds")
    builder.add_node(gb.Node.prompt("first", "Say {{ topic }}.", provider=config))
    workflow = builder.build()
    executor = gb.WorkflowExecutor(config)
    result = executor.execute(workflow, INPUTS)
    assert server.heard
    things = [workflow, workflow.nodes["first"], executor, result, result.snapshot, *result.errors.values()]
    for thing in things:
        texts = [repr(thing), str(thing), repr(getattr(thing, "__dict__", ""))]
        if dataclasses.is_dataclass(thing):
            texts.append(repr([getattr(thing, field.name) for field in dataclasses.fields(thing)]))
        assert holds("\n".join(texts), key) == set()
    for thing in (result, result.snapshot, *result.errors.values()):
        assert holds(pickle.dumps(thing), key) == set()
    assert holds(pickle.dumps(config), key) == set()


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml", ".mmd", ".dot", ".svg"])
def test_no_exported_file_holds_the_key_of_a_config(key, tmp_path, suffix):
    builder = gb.WorkflowBuilder("holds")
    builder.add_node(gb.Node.prompt("first", "Say {{ topic }}.", provider=WAYS["argument"](key)))
    more = {"config": WAYS["argument"](key)} if suffix == ".py" else {}
    path = gb.export(builder.build(), tmp_path / f"flow{suffix}", **more)
    assert path.stat().st_size > 50
    assert holds(tmp_path, key) == set()


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml"])
@pytest.mark.parametrize("shape", ["{}", "sk-proj-{}"])
def test_a_workflow_with_a_key_in_a_prompt_is_not_exported(tmp_path, suffix, shape):
    found = canary(shape)
    gb.LlmConfig.openai("m", api_key=found)
    with pytest.raises(gb.UsageError, match="holds a key") as raised:
        gb.export(talk(prompt=f"My key is {found}: {{{{ topic }}}}"), tmp_path / f"flow{suffix}")
    assert holds(str(raised.value), found) == set()
    assert list(tmp_path.iterdir()) == []


# ---- errors


def bad_timeout(way):
    return {
        "argument": lambda key: gb.LlmConfig.openai("m", api_key=key, timeout=-1),
        "unknown field": lambda key: gb.LlmConfig.anthropic("m", api_key=key, tiemout=1),
        "compatible": lambda key: gb.LlmConfig.openai_compatible(base_url=URL, model="m", api_key=key, timeout="x"),
        "azure": lambda key: gb.LlmConfig.azure("m", api_key=key, timeout=-1),
        "headers": lambda key: gb.LlmConfig.openai("m", headers={"authorization": key}, timeout=-1),
        "resolving": lambda key: resolve(gb.LlmConfig.openai("m", api_key=key, options={"api": "nonsense"})),
        "broken": lambda key: resolve(gb.LlmConfig.openai("m", api_key=f"{key} {key}")),
        "broken header": lambda key: resolve(gb.LlmConfig.openai("m", headers={"x-token": f"{key}\n"})),
        "environment": lambda key: resolve(gb.LlmConfig.openai("m")),
        "no model": lambda key: resolve(gb.LlmConfig(provider="openai", api_key=key)),
        "key store": lambda key: gb.SecureConfig().set("openai", f"{key} {key}"),
        "name": lambda key: gb.SecureConfig().set(key, key),
        "rotation": lambda key: gb.SecureConfig().rotate("openai", key),
        "passphrase": lambda key: gb.SecureConfig("~no-such-user-77/keys.json", passphrase=key).set("openai", key),
    }[way]


@pytest.mark.parametrize(
    "way",
    ["argument", "unknown field", "compatible", "azure", "headers", "resolving", "broken", "broken header",
     "environment", "no model", "key store", "name", "rotation", "passphrase"],
)  # fmt: skip
def test_no_frame_of_ours_holds_the_key_in_a_traceback_with_locals(way, key, monkeypatch):
    monkeypatch.setenv("GRAPHBIT_CANARY_API_KEY", key)
    if way == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", f"{key} {key}")
    with pytest.raises((gb.GraphbitError, ValueError, OSError)) as raised:
        bad_timeout(way)(key)
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = [frame for frame in told.stack if "graphbit_nb" in frame.filename.replace("\\", "/").split("/")]
    assert ours
    assert holds("\n".join(f"{frame.line} {frame.locals}" for frame in ours), key) == set()
    assert holds(str(raised.value) + repr(raised.value), key) == set()
    chain = [raised.value.__cause__, None if raised.value.__suppress_context__ else raised.value.__context__]
    assert holds("\n".join(f"{one!r}" for one in chain), key) == set()


async def test_neither_does_a_frame_of_a_call_that_the_provider_refuses(server, key, monkeypatch):
    from graphbit_nb.providers.api import ApiClient
    from graphbit_nb.providers.http import HttpPools

    monkeypatch.setenv("MISTRAL_API_KEY", key)
    pools = HttpPools()
    client = ApiClient.from_config(asking(server, "refuses", key), pools)
    with pytest.raises(gb.AuthenticationError) as raised:
        await client.generate(gb.GenerateRequest(messages=(gb.Message("user", "hi"),), node="n"))
    await pools.aclose()
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = [frame for frame in told.stack if "test_canaries" not in frame.filename]
    assert len(ours) > 3
    assert holds("\n".join(f"{frame.line} {frame.locals}" for frame in ours), key) == set()
    error = raised.value
    texts = [str(error), repr(error), repr(vars(error)), repr(error.args), repr(error.__reduce__())]
    assert holds("\n".join(texts).encode() + pickle.dumps(error), key) == set()


def test_rich_tracebacks_with_locals_show_none(key):
    rich = pytest.importorskip("rich.traceback")
    from rich.console import Console

    def inside(api_key):
        resolve(gb.LlmConfig.openai("m", api_key=api_key, options={"api": "nonsense"}))

    try:
        inside(key)
    except gb.ConfigurationError as error:
        frames = error.__traceback__.tb_next.tb_next  # what follows is ours
        shown = rich.Traceback.from_exception(type(error), error, frames, show_locals=True, locals_max_string=None)
    console = Console(file=io.StringIO(), width=400)
    console.print(shown)
    assert "nonsense" in console.file.getvalue()
    assert holds(console.file.getvalue(), key) == set()


def test_the_comparison_of_configs_by_pytest_shows_none(pytester_text, key):
    assert holds(pytester_text(WAYS["argument"](key), WAYS["argument"](canary())), key) == set()


@pytest.fixture
def pytester_text(request):
    def compare(one, other):
        told = request.config.hook.pytest_assertrepr_compare(config=request.config, op="==", left=one, right=other)
        return repr(told) + repr((one, other))

    return compare


# ---- processes


def test_a_child_that_runs_a_local_model_gets_no_key(key, monkeypatch, tmp_path):
    from graphbit_nb.providers.local.process import LocalServer, ServerOptions

    given = {
        "OPENAI_API_KEY": key,
        "HF_TOKEN": key,
        "MY_SECRET": key,
        "GRAPHBIT_PASSPHRASE": key,
        "NOTE": f"it is {key}",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    gb.LlmConfig.openai("m", api_key=key)
    out = tmp_path / "environment.json"
    child = f"import json, os; json.dump(dict(os.environ), open({str(out)!r}, 'w')); print('{{}}')"
    server = LocalServer(
        ServerOptions(path="p", name="n", threads=1, slots=1, context=1), command=(sys.executable, "-c", child)
    )
    with pytest.raises(gb.GraphbitError):
        server.start()
    assert "PATH" in json.loads(out.read_text())
    assert holds(out, key) == set()


def test_the_report_of_the_machine_has_none(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    gb.LlmConfig.openai("m", api_key=key)
    assert holds(repr(gb.get_system_info()), key) == set()


def test_the_environment_that_keys_are_read_from_is_not_shown(key, monkeypatch):
    from graphbit_nb.providers.environment import Environment

    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert Environment(environment())["OPENAI_API_KEY"] == key
    assert holds(repr(Environment(environment())), key) == set()


def test_the_key_file_and_what_lies_beside_it_hold_none(key, home):
    store = gb.SecureConfig(passphrase=(phrase := canary()))
    store.set("openai", key)
    store.rotate("openai", (fresh := canary()))
    store.rotate(master="file")
    assert store.get("openai").get_secret_value() == fresh
    assert store.path.exists()
    assert holds(store.path.parent, key, fresh, phrase) == set()
    texts = [repr(store), repr(vars(store)), repr(store.list()), repr(store.names()), repr(store.get("openai"))]
    assert holds("\n".join(texts).encode() + pickle.dumps(store), key, fresh, phrase) == set()


def test_a_passphrase_is_taken_out_of_texts_as_well():
    gb.SecureConfig(passphrase=(phrase := canary()))
    assert redact(f"it is {phrase}") == "it is [redacted]"
