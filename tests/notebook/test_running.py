"""`%graphbit run` and its relatives."""

import asyncio

import pytest

import graphbit_nb as gb
from graphbit_nb.notebook.awaiting import AwaitRuns
from graphbit_nb.notebook.magics import is_run


@pytest.fixture
def two(scripted):
    shell = scripted({"outline": "a, b, c", "draft": "written up"})
    shell("%%graphbit prompt outline\nThree points about {{ topic }}.\n")
    shell("%%graphbit prompt draft\nWrite {{ outline }}.\n")
    return shell


def test_run_returns_the_result(two):
    result = two("r = %graphbit run --set topic=graphs\nr")
    assert result.is_success()
    assert result.outputs == {"outline": "a, b, c", "draft": "written up"}
    assert gb.last is result


def test_run_of_a_node_runs_only_what_it_needs(two):
    result = two("%graphbit run outline --set topic=graphs")
    assert set(result.nodes) == {"outline"}


def test_inputs_come_from_set_then_from_inputs_then_from_variables(two):
    two("topic = 'variable'\nvalues = {'topic': 'dict'}")
    assert two("%graphbit run outline").get_variable("topic") == "variable"
    assert two("%graphbit run outline --inputs values").get_variable("topic") == "dict"
    assert two("%graphbit run outline --inputs values --set topic=line").get_variable("topic") == "line"


def test_what_was_taken_from_variables_is_said(two):
    two.ip.user_ns["topic"] = "graphs"
    from graphbit_nb.notebook.inputs import inputs_for

    _, notes = inputs_for(two.workspace.built(), None, None, two.ip.user_ns)
    assert notes == ["from the notebook's variables: topic"]


def test_set_reads_literals_and_takes_anything_else_as_text(two):
    two("%%graphbit python double\nreturn number * 2\n")
    assert two("%graphbit run double --set number=21").outputs["double"] == 42
    assert two("%graphbit run double --set number=ab").outputs["double"] == "abab"


def test_a_cell_with_run_runs_its_node_and_what_it_needs(two):
    two("topic = 'graphs'")
    result = two("%%graphbit prompt title --run --into heading\nA title for {{ outline }}\n".replace("title", "draft"))
    assert set(result.nodes) == {"outline", "draft"}
    assert two.ip.user_ns["heading"] == "written up"


def test_failed_nodes_are_in_the_result_which_is_returned(scripted):
    shell = scripted({"good": "fine", "bad": ValueError("no")})
    shell("%%graphbit prompt good\nx\n")
    shell("%%graphbit prompt bad\nx\n")
    shell("%%graphbit prompt after\n{{ bad }}\n")
    result = shell("%graphbit run")
    assert result.status == "failed"
    assert result.outputs == {"good": "fine"}
    assert result.nodes["after"].reason == "needs bad, which failed"


def test_run_works_inside_time_capture_and_functions(two):
    two("topic = 'graphs'")
    two("%%time\nr1 = get_ipython().run_line_magic('graphbit', 'run')\n")
    two("%%capture out\nr2 = get_ipython().run_line_magic('graphbit', 'run')\n")
    two("def go():\n    return get_ipython().run_line_magic('graphbit', 'run')\nr3 = go()\n")
    assert all(two.ip.user_ns[name].is_success() for name in ("r1", "r2", "r3"))


def test_cancelling_the_cell_keeps_what_was_finished_and_says_so_in_one_line(scripted):
    async def never(_request):
        await asyncio.Event().wait()

    shell = scripted({"first": "done", "second": never})
    shell("%%graphbit prompt first\nx\n")
    shell("%%graphbit prompt second\n{{ first }}\n")

    async def interrupt_when_running():
        task = asyncio.ensure_future(shell.run("%graphbit run"))
        magics = shell.ip.magics_manager.registry["GraphbitMagics"]
        while (
            magics.runner.handle is None
            or magics.runner.handle.snapshot is None
            or not magics.runner.handle.snapshot.done
        ):
            await asyncio.sleep(0.01)
        magics.runner.handle.cancel()
        return await task

    outcome = asyncio.run(interrupt_when_running())
    assert isinstance(outcome.error_in_exec, gb.RunCancelled)
    assert str(outcome.error_in_exec) == "cancelled: 1 of 2 nodes had finished; graphbit_nb.last keeps their results"
    assert gb.last.outputs == {"first": "done"}
    assert gb.last.nodes["second"].state == "cancelled"


def test_preview_shows_the_prompt_and_calls_nothing(two):
    two("%graphbit preview outline --set topic=graphs")
    assert "Three points about graphs." in two.text
    with pytest.raises(gb.UsageError, match="draft reads outline, not run yet"):
        two("%graphbit preview draft")


def test_inspect_shows_prompt_answer_attempts_and_cell(two):
    two("topic = 'graphs'")
    two("%graphbit run")
    two("%graphbit inspect draft")
    for part in ("[prompt: user]\nWrite a, b, c.", "[answer]\nwritten up", "[attempt 1]", "%%graphbit prompt draft"):
        assert part in two.text


def test_a_result_is_shown_with_each_nodes_state_and_answer(two):
    two("topic = 'graphs'")
    result = two("r = %graphbit run\nr")
    two("1 + 1")
    bundle, _ = two.ip.display_formatter.format(result)
    assert "draft    succeeded  written up" in bundle["text/plain"]
    assert "written up" in bundle["text/html"]


def test_texts_of_a_model_are_never_markup(scripted):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202e \x1b[31m"
    shell = scripted({"evil": evil})
    shell("%%graphbit prompt evil\nx\n")
    result = shell("r = %graphbit run\nr")
    shell("1 + 1")
    bundle, _ = shell.ip.display_formatter.format(result)
    assert "<script>alert" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)" in bundle["text/html"]
    assert not {"\u202e", "\x1b"} & set(bundle["text/html"] + bundle["text/plain"])


# ---- the input transformer


def rewritten(code: str) -> str:
    return "".join(AwaitRuns(is_run)(code.splitlines(keepends=True)))


def test_a_run_is_awaited_wherever_an_await_is_allowed():
    assert rewritten("r = get_ipython().run_line_magic('graphbit', 'run')\n") == (
        "r = (await get_ipython().run_line_magic('_graphbit_await', 'run'))\n"
    )
    assert "await" in rewritten("for i in x:\n    get_ipython().run_line_magic('gb', 'run a')\n")


def test_columns_are_counted_in_characters_of_any_width():
    code = "name = 'é✓'; r = get_ipython().run_line_magic('graphbit', 'run --set x=é')\n"
    assert "(await get_ipython().run_line_magic('_graphbit_await', 'run --set x=é'))" in rewritten(code)


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return get_ipython().run_line_magic('graphbit', 'run')\n",
        "f = lambda: get_ipython().run_line_magic('graphbit', 'run')\n",
        "[get_ipython().run_line_magic('graphbit', 'run') for _ in range(2)]\n",
        "get_ipython().run_line_magic('graphbit', 'show')\n",
        "get_ipython().run_line_magic('time', 'run')\n",
        "not python ][\n",
    ],
)
def test_nothing_else_is_rewritten(code):
    assert rewritten(code) == code


def test_inside_another_cell_magic_nothing_is_rewritten():
    transformer = AwaitRuns(is_run)
    transformer.before_cell()
    code = ["get_ipython().run_line_magic('graphbit', 'run')\n"]
    assert transformer(code) == code
    transformer.after_cell()
    assert transformer(code) != code


def test_a_view_that_fails_leaves_no_run_behind(scripted, monkeypatch):
    async def never(_request):
        await asyncio.Event().wait()

    def fail(*_):
        raise RuntimeError("cannot be shown")

    shell = scripted({"stuck": never})
    shell("%%graphbit prompt stuck\nx\n")
    monkeypatch.setattr("graphbit_nb.notebook.screens.Lines.update", fail)
    with pytest.raises(RuntimeError, match="cannot be shown"):
        shell("%graphbit run")
    handle = shell.ip.magics_manager.registry["GraphbitMagics"].runner.handle
    assert handle.result(timeout=10).status == "cancelled"
