"""Providers that are not ours: by hand, from installed packages, and everywhere that a provider can be named."""

import asyncio
import atexit
import contextlib
import gc
import itertools
import logging
import sys

import pytest
from faultserver import ask
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import graphbit_nb as gb
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.testing import run_in_virtual_time

numbers = itertools.count()


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """A registry of its own for each test."""
    monkeypatch.setattr(ProviderRegistry, "_found", {})
    monkeypatch.setattr(ProviderRegistry, "_searched", True)


class Acme(gb.CustomLlmClient):
    """A provider of a few lines."""

    async def generate(self, request, listener=None):
        said = request.messages[-1].content
        return gb.GenerateResponse(text=f"{self.config.model} heard {said}", usage=gb.Usage(calls=1))


class Other(Acme):
    async def generate(self, request, listener=None):
        return gb.GenerateResponse(text="other")


@pytest.fixture
def model():
    """A model of no other test: the clients of the engine's thread live as long as the process."""
    return f"road-{next(numbers)}"


@pytest.fixture
def acme():
    ProviderRegistry.register("acme", Acme)


@contextlib.contextmanager
def refused(kind, *parts):
    with pytest.raises(kind) as caught:
        yield
    for part in parts:
        assert part in str(caught.value)


def text_of(config, question="hi"):
    async def main():
        manager = LlmClientManager()
        try:
            return (await manager.client(config).generate(ask(question))).text
        finally:
            await manager.aclose()

    return run_in_virtual_time(main())


def client_of(name):
    return LlmClientManager().client(gb.LlmConfig(provider=name, model="m"))


# ---- by hand


def test_a_class_is_registered_by_name():
    assert ProviderRegistry.register("acme", Acme) is Acme
    assert text_of(gb.LlmConfig(provider="acme", model="m")) == "m heard hi"


def test_a_class_is_registered_by_a_decorator_which_leaves_it_as_it_is():
    @ProviderRegistry.register("acme")
    class Mine(Acme):
        pass

    assert isinstance(Mine, type)
    assert isinstance(client_of("acme"), Mine)


def test_a_function_of_the_config_is_registered():
    @ProviderRegistry.register("acme")
    def make(config):
        return Acme(config.with_model("made"))

    assert text_of(gb.LlmConfig(provider="acme", model="m")) == "made heard hi"


def test_its_name_is_known_among_ours_and_sorted(acme):
    names = ProviderRegistry.names()
    assert {"acme", "openai", "local"} <= set(names)
    assert list(names) == sorted(names)


def test_a_later_one_of_the_same_name_replaces_it(acme):
    ProviderRegistry.register("acme", Other)
    assert isinstance(client_of("acme"), Other)


def test_one_of_ours_is_replaced_and_is_there_again_when_it_goes():
    ProviderRegistry.register("scripted", Acme)
    assert isinstance(client_of("scripted"), Acme)
    ProviderRegistry.unregister("scripted")
    assert not isinstance(client_of("scripted"), Acme)


@pytest.mark.parametrize("name", ["openai", "anthropic", "ollama"])
def test_one_of_ours_that_has_an_address_can_be_replaced_too(name):
    ProviderRegistry.register(name, Acme)
    assert text_of(gb.LlmConfig(provider=name, model="m")) == "m heard hi"


def test_what_is_taken_away_is_no_provider_any_more(acme):
    ProviderRegistry.unregister("acme")
    assert "acme" not in ProviderRegistry.names()
    with refused(gb.ConfigurationError, "there is no provider 'acme'"):
        client_of("acme")


def test_taking_away_what_is_not_there_is_no_error():
    ProviderRegistry.unregister("nobody")


def test_a_factory_that_is_registered_anew_again_and_again_is_the_one_that_is_asked():
    """Those before are gone, and what stands at their place in memory must not be taken for them."""

    def register(said):
        def make(config):
            return Acme(config.with_model(said))

        ProviderRegistry.register("acme", make)

    async def main():
        manager, got = LlmClientManager(), []
        for number in range(20):
            register(str(number))
            gc.collect()
            got.append((await manager.client(gb.LlmConfig(provider="acme", model="m")).generate(ask("hi"))).text)
        return got

    assert run_in_virtual_time(main()) == [f"{number} heard hi" for number in range(20)]


@pytest.mark.parametrize("name", ["", "Acme", "acme corp", "1acme", "acme/x", "-acme", "acmé", "acme\n", None, 3])
def test_what_cannot_be_a_name_is_refused_with_what_can(name):
    with refused(gb.DefinitionError, "lower case letters, digits, - and _", repr(name)):
        ProviderRegistry.register(name, Acme)
    assert ProviderRegistry._found == {}


def test_a_bad_name_is_refused_before_the_class_is_decorated():
    with refused(gb.DefinitionError, "'Acme'"):
        ProviderRegistry.register("Acme")


@pytest.mark.parametrize("wrong", ["acme", 3, object()])
def test_what_cannot_be_called_is_refused(wrong):
    with refused(gb.DefinitionError, "the provider 'acme' needs a class of clients, or a function, not"):
        ProviderRegistry.register("acme", wrong)


def test_a_client_in_place_of_its_class_is_refused():
    with refused(gb.DefinitionError, "needs a class of clients, or a function"):
        ProviderRegistry.register("acme", Acme(gb.LlmConfig(provider="acme", model="m")))


@pytest.mark.parametrize(("made", "kind"), [(None, "NoneType"), ("text", "str"), (Acme, "type")])
def test_what_is_made_and_is_no_client_is_named(made, kind):
    ProviderRegistry.register("acme", lambda _: made)
    with refused(gb.ConfigurationError, f"'acme' gives {kind}, which is no client", "CustomLlmClient"):
        client_of("acme")


def test_a_coroutine_function_that_makes_clients_is_refused_in_words():
    async def make(config):
        return Acme(config)

    ProviderRegistry.register("acme", make)
    with refused(gb.ConfigurationError, "'acme'", "coroutine"):
        client_of("acme")


def test_a_class_that_takes_no_config_is_refused_in_words():
    class Bare:
        pass

    ProviderRegistry.register("acme", Bare)
    with refused(gb.ConfigurationError, "'acme'", "config"):
        client_of("acme")


def test_a_factory_that_fails_is_named_with_what_it_said():
    def make(config):
        raise KeyError("ACME_TOKEN")

    ProviderRegistry.register("acme", make)
    with refused(gb.ConfigurationError, "'acme'", "ACME_TOKEN"):
        client_of("acme")


def test_a_factorys_own_words_about_what_is_not_set_up_stay():
    def make(config):
        raise gb.ConfigurationError("acme: no key; set ACME_TOKEN")

    ProviderRegistry.register("acme", make)
    with refused(gb.ConfigurationError, "acme: no key; set ACME_TOKEN"):
        client_of("acme")


def test_a_slip_of_the_name_is_answered_with_the_nearest(acme):
    with refused(gb.ConfigurationError, "did you mean 'acme'?"):
        client_of("acne")


# ---- from installed packages


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package on the path: its module's code, and the lines of its entry points. Nothing is remembered."""
    monkeypatch.syspath_prepend(tmp_path)
    loaded = []

    def put(code, *lines):
        module = f"acmepack{next(numbers)}"
        (tmp_path / f"{module}.py").write_text(code)
        about = tmp_path / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        listed = "\n".join(line.replace("@", module) for line in lines)
        (about / "entry_points.txt").write_text(f"[graphbit_nb.providers]\n{listed}\n")
        ProviderRegistry._searched = False
        loaded.append(module)
        return module

    yield put
    for module in loaded:
        sys.modules.pop(module, None)


CODE = """
import graphbit_nb as gb

class Packed(gb.CustomLlmClient):
    async def generate(self, request, listener=None):
        return gb.GenerateResponse(text="packed")
"""


def test_a_package_that_is_installed_brings_its_provider(install):
    install(CODE, "acme = @:Packed")
    assert text_of(gb.LlmConfig(provider="acme", model="m")) == "packed"


def test_its_name_is_known_before_it_is_used(install):
    install(CODE, "acme = @:Packed")
    assert "acme" in ProviderRegistry.names()


def test_packages_are_not_loaded_for_providers_of_ours(install):
    module = install(CODE, "acme = @:Packed")
    client_of("ollama")
    assert module not in sys.modules


def test_what_was_registered_by_hand_goes_before_what_is_installed(install):
    install(CODE, "acme = @:Packed")
    ProviderRegistry.register("acme", Other)
    assert "acme" in ProviderRegistry.names()
    assert isinstance(client_of("acme"), Other)


def test_what_is_installed_is_there_again_when_the_one_by_hand_goes(install):
    install(CODE, "acme = @:Packed")
    ProviderRegistry.register("acme", Other)
    assert "acme" in ProviderRegistry.names()
    ProviderRegistry.unregister("acme")
    assert text_of(gb.LlmConfig(provider="acme", model="m")) == "packed"


@pytest.mark.parametrize("look_first", [False, True], ids=["at-once", "after-names"])
def test_a_package_takes_the_place_of_none_of_ours_whatever_was_asked_before(install, look_first):
    """Otherwise any package could read what is meant for OpenAI, and whether it does would depend on the order."""
    install(CODE, "ollama = @:Packed")
    if look_first:
        ProviderRegistry.names()
    assert type(client_of("ollama")).__name__ != "Packed"


def test_only_what_was_registered_by_hand_counts_as_such(install):
    install(CODE, "acme = @:Packed")
    ProviderRegistry.names()
    assert ProviderRegistry.registered("acme") is None


BROKEN = {
    "import": "import there_is_no_such_module",
    "syntax": "class (:",
    "missing": "x = 1",
    "failing": "1 / 0",
    "exit": "raise SystemExit('no licence')",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_a_package_that_cannot_be_loaded_hinders_nobody_and_is_told(install, caplog, code):
    broken = install(code, "broken = @:Packed")
    install(CODE, "acme = @:Packed")
    with caplog.at_level(logging.ERROR, logger="graphbit_nb"):
        names = ProviderRegistry.names()
    assert "acme" in names
    assert "broken" not in names
    assert "'broken'" in caplog.text
    assert broken in caplog.text


@pytest.mark.parametrize("line", ["Acme Corp = @:Packed", "acme2 = @:x"], ids=["bad-name", "no-factory"])
def test_a_package_that_announces_what_is_no_provider_hinders_nobody(install, caplog, line):
    install(CODE + "\nx = 3\n", line, "acme = @:Packed")
    with caplog.at_level(logging.ERROR, logger="graphbit_nb"):
        assert "acme" in ProviderRegistry.names()
    assert len(caplog.records) == 1


def test_a_package_that_failed_is_told_once(install, caplog):
    install("1 / 0", "broken = @:Packed")
    with caplog.at_level(logging.ERROR, logger="graphbit_nb"):
        for _ in range(3):
            ProviderRegistry.names()
    assert len(caplog.records) == 1


def test_who_asks_for_a_provider_that_failed_to_load_is_told_why(install, caplog):
    install("raise ImportError('needs libacme')", "broken = @:Packed")
    with refused(gb.ConfigurationError, "'broken'", "needs libacme"):
        client_of("broken")


# ---- everywhere that a provider can be named


def one_node(**more):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("say", "hello", **more))
    return builder.build()


def run(workflow, config=None, **settings):
    """Run on a loop of its own, in virtual time."""
    executor = gb.WorkflowExecutor(config, cache="disable", storage="memory", **settings)
    result = run_in_virtual_time(executor.run(workflow, loop="current"))
    result.raise_for_status()
    return result


def test_an_executor_asks_it(acme):
    assert run(one_node(), gb.LlmConfig(provider="acme", model="m")).outputs == {"say": "m heard hello"}


def test_an_executor_asks_it_on_the_engines_thread(acme, model):
    result = gb.WorkflowExecutor(gb.LlmConfig(provider="acme", model=model)).execute(one_node())
    assert result.outputs == {"say": f"{model} heard hello"}


def test_a_node_names_it(acme):
    assert run(one_node(provider="acme", model="m"), gb.LlmConfig.scripted({})).outputs == {"say": "m heard hello"}


def test_a_node_that_names_no_model_of_it_is_refused(acme):
    with refused(gb.ConfigurationError, "say: provider 'acme' needs a model; say which with model="):
        run(one_node(provider="acme"), gb.LlmConfig.scripted({}))


def test_it_stands_in_when_another_fails(acme):
    busy = gb.LlmConfig.scripted({"*": gb.AuthenticationError})
    workflow = one_node(fallback=gb.LlmConfig(provider="acme", model="m"))
    assert run(workflow, busy).outputs == {"say": "m heard hello"}


def test_its_answers_are_tried_again_when_they_fail():
    calls = []

    @ProviderRegistry.register("acme")
    class Busy(Acme):
        async def generate(self, request, listener=None):
            calls.append(request)
            if len(calls) == 1:
                raise gb.OverloadedError("busy")
            return await super().generate(request, listener)

    assert run(one_node(), gb.LlmConfig(provider="acme", model="m")).outputs == {"say": "m heard hello"}
    assert len(calls) == 2


def test_its_structured_answers_are_read():
    @ProviderRegistry.register("acme")
    class Lists(Acme):
        async def generate(self, request, listener=None):
            return gb.GenerateResponse(text='["a", "b"]')

    assert run(one_node(output="list[str]"), gb.LlmConfig(provider="acme", model="m")).outputs == {"say": ["a", "b"]}


def test_the_run_says_which_provider_answered(acme):
    node = run(one_node(), gb.LlmConfig(provider="acme", model="m")).nodes["say"]
    assert node.usage.calls == 1


class Counting(Acme):
    """Takes a second for each answer, and counts how many it gives at the same time."""

    running = most = 0

    async def generate(self, request, listener=None):
        Counting.running += 1
        Counting.most = max(Counting.most, Counting.running)
        await asyncio.sleep(1.0)
        Counting.running -= 1
        return gb.GenerateResponse(text="x")


@pytest.fixture
def counting():
    Counting.running = Counting.most = 0
    ProviderRegistry.register("acme", Counting)
    return Counting


def wide(count):
    builder = gb.WorkflowBuilder("wide")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", "hello"))
    return builder.build()


ACME = gb.LlmConfig(provider="acme", model="m")


def test_unlimited_its_nodes_are_asked_together(counting):
    run(wide(6), ACME)
    assert counting.most == 6


@pytest.mark.parametrize("limit", [2, {"acme": 2}])
def test_provider_concurrency_knows_it(counting, limit):
    run(wide(6), ACME, provider_concurrency=limit)
    assert counting.most == 2


@pytest.mark.parametrize("place", ["acme", "acme/m", "*"])
def test_rate_limit_knows_it(counting, place):
    run(wide(6), ACME, rate_limit={place: gb.RateLimiter(concurrency=3)})
    assert counting.most == 3


def test_names_of_it_that_nobody_has_are_refused_with_the_nearest(acme):
    with refused(gb.DefinitionError, "no provider 'acne'; did you mean 'acme'?"):
        gb.WorkflowExecutor(provider_concurrency={"acne": 2})
    with refused(gb.DefinitionError, "no provider 'acne'; did you mean 'acme'?"):
        gb.WorkflowExecutor(rate_limit={"acne": gb.RateLimiter(5)})


def test_a_manager_asks_it_many_questions(acme):
    async def main():
        manager = gb.LlmClientManager()
        client = manager.resilient(gb.LlmConfig(provider="acme", model="m"))
        plain = manager.client(gb.LlmConfig(provider="acme", model="m"))
        answers = [await one.generate_many([ask("a"), ask("b")]) for one in (client, plain)]
        await manager.aclose()
        return [[answer.text for answer in some] for some in answers]

    assert run_in_virtual_time(main()) == [["m heard a", "m heard b"]] * 2


def test_it_is_closed_with_the_manager():
    closed = []

    @ProviderRegistry.register("acme")
    class Closing(Acme):
        async def aclose(self):
            closed.append(self)

    run(one_node(), ACME)
    assert len(closed) == 1


# ---- in a notebook


@pytest.fixture
def notebook():
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    ip = InteractiveShell.instance(config=config)
    ip.run_line_magic("load_ext", "graphbit_nb")

    def cell(code):
        with capture_output() as captured:
            result = ip.run_cell(code)
        result.raise_error()
        cell.shown = [output.data["text/plain"] for output in captured.outputs]
        return result.result

    cell.ip = ip
    yield cell
    ip.run_line_magic("unload_ext", "graphbit_nb")
    InteractiveShell.clear_instance()
    atexit.unregister(ip.atexit_operations)


def test_a_cell_names_it(acme, model, notebook):
    notebook(f"%%graphbit prompt say --provider acme --model {model}\nhello\n")
    notebook("result = %graphbit run")
    notebook("import graphbit_nb")
    assert notebook("graphbit_nb.last.outputs") == {"say": f"{model} heard hello"}


def test_a_provider_registered_in_a_cell_is_the_notebooks(model, notebook):
    notebook(
        "import graphbit_nb as gb\n"
        "@gb.ProviderRegistry.register('acme')\n"
        "class Mine(gb.CustomLlmClient):\n"
        "    async def generate(self, request, listener=None):\n"
        "        return gb.GenerateResponse(text='mine')\n"
    )
    notebook(f"%graphbit config --provider acme --model {model}")
    notebook("%%graphbit prompt say\nhello\n")
    notebook("%graphbit run")
    assert notebook("gb.last.outputs") == {"say": "mine"}


def test_a_class_that_a_cell_defines_anew_answers_from_then_on(model, notebook):
    """Whoever writes a provider in a notebook runs its cell again and again."""
    code = (
        "import graphbit_nb as gb\n"
        "@gb.ProviderRegistry.register('acme')\n"
        "class Mine(gb.CustomLlmClient):\n"
        "    async def generate(self, request, listener=None):\n"
        "        return gb.GenerateResponse(text='{}')\n"
    )
    notebook(code.format("first"))
    notebook(f"%%graphbit prompt say --provider acme --model {model}\nhello\n")
    notebook("%graphbit run")
    notebook(code.format("second"))
    notebook("%graphbit run")
    assert notebook("gb.last.outputs") == {"say": "second"}


def test_a_cell_that_names_it_wrong_is_refused_with_the_nearest(acme, notebook):
    with refused(gb.DefinitionError, "no provider 'acne'; did you mean 'acme'?"):
        notebook("%%graphbit prompt say --provider acne --model m\nhello\n")


def test_its_name_completes(acme, notebook):
    code = "%%graphbit prompt x --provider ac"
    with provisionalcompleter():
        found = [completion.text for completion in notebook.ip.Completer.completions(code, len(code))]
    assert found == ["acme"]


# ---- slips of whoever writes a provider


def met_by(generate):
    """Return the error of a node that asks a provider with this `generate`."""
    ProviderRegistry.register("acme", type("Acme", (gb.CustomLlmClient,), {"generate": generate}))
    result = run_in_virtual_time(gb.WorkflowExecutor(ACME, storage="memory").run(one_node(), loop="current"))
    assert str(result.status) == "failed"
    return result.nodes["say"].error


def test_an_answer_that_is_a_bare_text_is_told_as_what_it_should_be():
    async def generate(self, request, listener=None):
        return "hello"

    error = met_by(generate)
    assert "GenerateResponse" in error.message
    assert "acme" in error.message.lower()


def test_no_answer_at_all_is_told_as_what_it_should_be():
    async def generate(self, request, listener=None):
        pass

    assert "GenerateResponse" in met_by(generate).message


def test_a_generate_without_async_is_told():
    def generate(self, request, listener=None):
        return gb.GenerateResponse(text="hello")

    assert "async def" in met_by(generate).message


def test_a_generate_without_a_listener_is_told():
    async def generate(self, request):
        return gb.GenerateResponse(text="hello")

    assert "listener=None" in met_by(generate).message


@pytest.mark.parametrize("text", [None, 5])
def test_an_answer_whose_text_is_none_does_not_succeed(text):
    async def generate(self, request, listener=None):
        return gb.GenerateResponse(text=text)

    assert "text" in met_by(generate).message


def test_usage_that_is_no_usage_is_told_as_what_it_should_be():
    async def generate(self, request, listener=None):
        return gb.GenerateResponse(text="hello", usage={"input_tokens": 3})

    assert "Usage" in met_by(generate).message


def test_calls_are_counted_also_when_a_provider_does_not_say_what_they_used():
    @ProviderRegistry.register("acme")
    class Silent(Acme):
        async def generate(self, request, listener=None):
            return gb.GenerateResponse(text="hello")

    assert run(one_node(), ACME).nodes["say"].usage.calls == 1


def test_a_client_that_fails_to_close_takes_no_finished_result_away(caplog):
    @ProviderRegistry.register("acme")
    class Stuck(Acme):
        async def aclose(self):
            raise OSError("stuck")

    assert run(one_node(), ACME).outputs == {"say": "m heard hello"}


def test_an_error_of_another_library_keeps_its_kind_and_words():
    async def generate(self, request, listener=None):
        raise ConnectionError("host is down")

    error = met_by(generate)
    assert error.type == "ConnectionError"
    assert "host is down" in error.message
