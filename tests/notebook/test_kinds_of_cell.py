"""Every kind of node has its cell, and every cell takes the options that all nodes have."""

import pytest

from graphbit_nb import DefinitionError, LlmConfig, NodeProcessor, ProcessorRegistry, TemplateError, UsageError


def test_a_condition_is_code_that_returns_a_label(shell):
    shell("%%graphbit condition route\nreturn 'long' if len(text) > 3 else 'short'\n")
    assert "route (condition) · takes the input text" in shell.text
    assert shell("%graphbit run --set text=hello").outputs["route"] == "long"


def test_nodes_run_for_their_label_only_and_the_others_say_why_not(shell):
    shell("%%graphbit condition route\nreturn 'a'\n")
    shell("%%graphbit python one --when route=a\nreturn 1\n")
    assert "one (python) · runs when route=a" in shell.text
    shell("%%graphbit python two --when 'route=b|c'\nreturn 2\n")
    result = shell("r = %graphbit run\nr")
    assert result.outputs == {"route": "a", "one": 1}
    assert "two    skipped    route gave 'a', not 'b' or 'c'" in shell.text


def test_when_and_after_may_be_given_several_times(shell):
    shell("%%graphbit condition p\nreturn 'x'\n")
    shell("%%graphbit condition q\nreturn 'y'\n")
    shell("%%graphbit python r --when p=x --when q=y --after p --after q\nreturn 1\n")
    node = shell.workspace.draft["r"]
    assert [str(branch) for branch in node.when] == ["p=x", "q=y"]
    assert node.after == ("p", "q")


def test_a_skipped_branch_is_none_where_any_of_them_will_do(shell):
    shell("%%graphbit condition route\nreturn 'a'\n")
    shell("%%graphbit python one --when route=a\nreturn 1\n")
    shell("%%graphbit python two --when route=b\nreturn 2\n")
    shell("%%graphbit python either --join any\nreturn one or two\n")
    assert shell("%graphbit run").outputs["either"] == 1


def test_an_embed_cell_gives_vectors(scripted):
    shell = scripted({"*": "unused"})
    shell("%%graphbit embed vectors --model small\n{{ passages }}\n")
    node = shell.workspace.draft["vectors"]
    assert (node.kind, node.settings.model) == ("embed", "small")


def test_a_human_cell_is_a_question_with_its_answers(shell):
    shell("%%graphbit human approve --output 'yes|no'\nMay {{ draft }} go out?\n")
    assert "approve (human) · takes the input draft" in shell.text
    assert shell.workspace.draft["approve"].output.labels == ("yes", "no")


def test_a_cell_runs_once_for_each_item(scripted):
    shell = scripted({"note": lambda request: request.messages[-1].content.upper()})
    shell("%%graphbit python points\nreturn ['a', 'b', 'c']\n")
    shell(
        "%%graphbit prompt note --for-each 'point in points' --concurrency 2 --on-item-error skip\nabout {{ point }}\n"
    )
    assert "note (prompt) · for each point in points · reads points" in shell.text
    node = shell.workspace.draft["note"]
    assert (node.concurrency, node.on_item_error) == (2, "skip")
    assert shell("%graphbit run").outputs["note"] == ["ABOUT A", "ABOUT B", "ABOUT C"]


def test_another_model_may_stand_in(scripted):
    shell = scripted({"p": ValueError("down")})
    shell.ip.user_ns["spare"] = LlmConfig.scripted({"p": "from the spare one"})
    shell("%%graphbit prompt p --fallback-model spare\nx\n")
    assert shell("%graphbit run").outputs["p"] == "from the spare one"


def test_several_models_stand_in_one_after_the_other_and_a_text_at_the_end(shell):
    shell("import graphbit_nb as gb; one, two = (gb.LlmConfig.scripted({'*': name}) for name in ('a', 'b'))")
    shell("%%graphbit prompt p --fallback-model one two --fallback none\nx\n")
    chain = shell.workspace.draft["p"].fallback
    assert ([model.responses["*"] for model in chain.models], chain.value) == (["a", "b"], "none")


@pytest.mark.parametrize(
    ("cell", "error", "message"),
    [
        (
            "prompt x --fallback-model sparse",
            UsageError,
            "--fallback-model: no variable 'sparse'; did you mean 'spare'?",
        ),
        ("prompt x --fallback-model number", UsageError, "--fallback-model number: that is a int, not an LlmConfig"),
        ("prompt x --join al", UsageError, "join='al'; did you mean 'all'?"),
        ("prompt x --concurrency 0", UsageError, "concurrency=0"),
        ("prompt x --on-item-error stop", UsageError, "on_item_error='stop'"),
        ("prompt x --for-each points", TemplateError, "'points' is not a loop"),
        ("prompt x --when route", UsageError, "write it as 'node=label'"),
        ("prompt x --run-until y", UsageError, "no option --run-until"),
        ("workflow x", UsageError, "say which workflow runs inside: --of WORKFLOW"),
        ("workflow x --of nothing", UsageError, "--of nothing: no workflow of that name, and no variable"),
        ("workflow x --of number", UsageError, "--of number: that is a int, not a Workflow"),
        ("workflow x --of workflow", UsageError, "workflow would hold itself"),
        ("workflow x --of inner --carry text", UsageError, "--carry 'text': write it as name=value"),
        ("workflow x --of inner --max-iterations 3", DefinitionError, "max_iterations needs repeat_until"),
        ("workflow x --of inner --returns scor", DefinitionError, "did you mean 'score'?"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_the_nearest_right_one(shell, cell, error, message):
    shell.ip.user_ns.update(spare=LlmConfig.scripted({}), number=3)
    shell("%graphbit new inner")
    shell("%%graphbit python score\nreturn text\n")
    shell("%graphbit use workflow")
    with pytest.raises(error) as caught:
        shell(f"%%graphbit {cell}\n{'' if cell.startswith('workflow') else 'hi'}\n")
    assert message in str(caught.value)
    assert shell.workspace.draft.names == ()


# ---- what is not there yet


def test_a_node_may_come_after_one_that_is_not_defined_yet(shell):
    shell("%%graphbit python late --after early\nreturn 1\n")
    assert "'early' is not defined yet" in shell.text
    shell("%%graphbit python early\nreturn 0\n")
    assert "feeds late" in shell.text
    assert shell("%graphbit run").is_success()


def test_a_branch_may_be_written_before_its_condition(shell):
    shell("%%graphbit python one --when route=a\nreturn 1\n")
    assert "'route' is not defined yet" in shell.text
    shell("%%graphbit condition route --output 'a|b'\nreturn 'b'\n")
    assert shell("%graphbit run").nodes["one"].state == "skipped"


def test_what_is_still_not_there_is_refused_when_it_is_run(shell):
    shell("%%graphbit python outline\nreturn 0\n")
    shell("%%graphbit python late --after outlne\nreturn 1\n")
    assert "'outlne' is not defined yet; did you mean 'outline'?" in shell.text
    with pytest.raises(DefinitionError, match="late, after: no node 'outlne'; did you mean 'outline'"):
        shell("%graphbit run")
    assert shell("%graphbit run outline").outputs == {"outline": 0}


# ---- outputs in variables


@pytest.mark.parametrize(
    ("name", "what"),
    [("gb", "the module graphbit_nb"), ("helper", "a function"), ("Box", "a class"), ("print", "Python's own")],
)
def test_an_output_does_not_take_the_place_of_something_to_work_with(shell, name, what):
    shell("import graphbit_nb as gb\ndef helper(): ...\nclass Box: ...\n")
    with pytest.raises(UsageError, match=f"--into {name}: {name} is {what} and would be lost"):
        shell(f"%%graphbit python x --into {name}\nreturn 1\n")
    assert shell.workspace.draft.names == ()


def test_a_variable_that_was_given_an_output_may_be_given_it_again(shell):
    for _ in range(2):
        shell("%%graphbit python make --into made --run\nreturn len\n")
    assert shell.ip.user_ns["made"] is len


# ---- kinds of other packages


@pytest.fixture
def shout(shell):
    class Shout(NodeProcessor):
        """Says a text loudly.

        The body is the text.
        """

        node_type = "shout"
        options = ("times", "mark")

        def process(self, input):  # noqa: A002
            settings = input.node.settings
            return input.rendered.upper() + settings.options.get("mark", "!") * settings.options.get("times", 1)

    ProcessorRegistry.register(Shout)
    yield shell
    ProcessorRegistry.unregister("shout")


def test_a_registered_kind_has_its_cell_and_its_options(shout):
    shout("%%graphbit python word\nreturn 'hello'\n")
    shout("%%graphbit shout loud --times 3\n{{ word }}\n")
    assert "loud (shout) · reads word" in shout.text
    assert shout("%graphbit run").outputs["loud"] == "HELLO!!!"
    with pytest.raises(UsageError, match="no option --time; did you mean '--times'"):
        shout("%%graphbit shout loud --time 3\nx\n")


def test_a_registered_kind_whose_body_is_code(shell):
    class Logged(NodeProcessor):
        """Code whose source is its output."""

        node_type = "logged"
        body = "code"

        def prepare(self, body, **options):
            return body

        def references(self, settings):
            return settings.references

        def render(self, node, values):
            return values

        def process(self, input):  # noqa: A002
            return input.node.settings.source

    ProcessorRegistry.register(Logged)
    try:
        shell("%%graphbit logged log\nreturn number + 1\n")
        assert "takes the input number" in shell.text
        assert shell("%graphbit run --set number=1").outputs["log"] == "return number + 1"
    finally:
        ProcessorRegistry.unregister("logged")


def test_a_kind_cannot_take_an_option_that_every_cell_has(shell):
    class Clash(NodeProcessor):
        """Options of all names."""

        node_type = "clash"
        options = ("run", "into", "name", "retry", "inputs", "own")

        def process(self, input):  # noqa: A002
            return input.rendered

    ProcessorRegistry.register(Clash)
    try:
        shell("%%graphbit clash c --own 1 --retry 2 --run\nx\n")
        assert shell.workspace.draft["c"].settings.options == {"own": 1}
        assert shell.workspace.draft["c"].retry == 2
    finally:
        ProcessorRegistry.unregister("clash")


# ---- help


def test_help_lists_the_kinds_and_commands_that_there_are(shout):
    shout("%graphbit help")
    assert "shout" in shout.text
    assert "Says a text loudly." in shout.text
    assert "%graphbit answer [NODE] [TEXT]" in shout.text
    assert "%graphbit help" in shout.ip.find_line_magic("graphbit").getdoc()


def test_help_on_a_kind_has_its_text_its_options_and_an_example(shout):
    shout("%graphbit help shout")
    for part in ("Says a text loudly.", "The body is the text.", "--times VALUE", "--for-each", "%%graphbit shout"):
        assert part in shout.text
    shout("%graphbit help workflow")
    assert "--repeat-until EXPR" in shout.text


def test_help_on_a_command_has_its_options_and_an_example(shell):
    shell("%graphbit help run")
    for part in ("%graphbit run [NODE ...]", "--deadline S", "%graphbit run summary"):
        assert part in shell.text


def test_help_on_something_unknown_names_the_nearest(shell):
    with pytest.raises(UsageError, match="no kind of node and no command 'promt'; did you mean 'prompt'"):
        shell("%graphbit help promt")


@pytest.mark.parametrize("kind", ["condition", "embed", "human", "prompt", "python"])
def test_the_examples_of_the_help_can_be_run(shell, kind):
    from graphbit_nb.notebook.helptext import EXAMPLES

    shell(EXAMPLES[kind] + "\n")
    assert len(shell.workspace.draft.names) == 1


# ---- what an export needs of a cell's code


def test_a_cells_code_knows_its_text_and_what_it_works_with(shell):
    shell("import math\ndef double(x):\n    return 2 * x\nfactor = 3\n")
    shell("%%graphbit python x\nreturn double(math.floor(number)) * factor + len('a')\n")
    body = shell.workspace.draft["x"].settings.fn
    assert body.source == "return double(math.floor(number)) * factor + len('a')"
    assert body.tools() == ("double", "math")
    assert body.namespace["factor"] == 3
