"""Tab offers what fits: on a magic's line, after an option, and inside the body of a cell."""

import pytest

from graphbit_nb import LlmConfig, NodeProcessor, ProcessorRegistry


@pytest.fixture
def tab(shell, press):
    """What the kernel answers when Tab is pressed at the place of the bar: the whole words that may stand there."""
    shell.ip.user_ns.update(photo=b"", here="no config")
    shell("def add(a: int) -> int:\n    return a\ndef word_count(text: str) -> int:\n    return 1")
    shell.ip.user_ns.update(cheap=LlmConfig.scripted({}), pairs=[("a", "b")], values={"topic": "x"})
    shell("%%graphbit prompt outline --output 'list[str]'\nThree points about {{ topic }}.\n")
    shell("%%graphbit prompt route --output 'yes|no'\nIs it {{ outline }}?\n")
    shell("%graphbit new review")
    shell("%%graphbit prompt score\nRate {{ text }}.\n")
    shell("%graphbit use workflow")
    shell("%%graphbit workflow second --of review\ntext = outline\n")

    return lambda code: [text for text, _, _ in press(code)]


def test_kinds_of_node_are_offered_in_a_cell(tab):
    assert tab("%%graphbit pr¦") == ["prompt"]
    assert {"condition", "human", "embed", "workflow", "python"} <= set(tab("%%graphbit ¦"))


def test_commands_are_offered_on_a_line(tab):
    assert tab("%graphbit ru¦") == ["run"]
    assert tab("r = %gb an¦") == ["answer"]
    assert "prompt" not in tab("%graphbit ¦")


def test_nodes_are_offered_where_nodes_are_named(tab):
    assert tab("%graphbit run ¦") == ["outline", "route", "second"]
    assert tab("%graphbit run outline ro¦") == ["route"]
    assert tab("%graphbit inspect ou¦") == ["outline"]
    assert tab("%graphbit rm se¦") == ["second"]


def test_workflows_are_offered_where_workflows_are_named(tab):
    assert tab("%graphbit use re¦") == ["review"]
    assert tab("%%graphbit workflow x --of ¦") == ["review"]


def test_options_are_offered_for_the_kind_and_the_command(tab):
    assert tab("%%graphbit prompt x --pro¦") == ["--provider"]
    assert tab("%%graphbit python x --pro¦") == []
    assert tab("%%graphbit workflow x --re¦") == ["--repeat-until", "--returns", "--retry"]
    assert tab("%graphbit run --de¦") == ["--deadline"]


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_be(tab):
    assert tab("%%graphbit prompt x --model m --mo¦") == []
    assert tab("%%graphbit prompt x --after outline --af¦") == ["--after"]


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("%%graphbit prompt x --after ¦", ["outline", "route", "second"]),
        ("%%graphbit prompt x --after outline ro¦", ["route"]),
        ("%%graphbit prompt x --when ro¦", ["route="]),
        ("%%graphbit prompt x --when route=¦", ["yes", "no"]),
        ("%%graphbit prompt x --when 'route=yes|n¦", ["no"]),
        ("%%graphbit prompt x --join a¦", ["all", "any"]),
        ("%%graphbit prompt x --on-item-error s¦", ["skip"]),
        ("%%graphbit prompt x --cache re¦", ["recompute"]),
        ("%%graphbit prompt x --provider opena¦", ["openai", "openai_compatible"]),
        ("%%graphbit prompt x --provider ch¦", ["cheap"]),
        ("%%graphbit prompt x --fallback-model ¦", ["cheap"]),
        ("%%graphbit prompt x --examples pai¦", ["pairs"]),
        ("%%graphbit prompt x --output li¦", ["list[str]", "list[json]"]),
        ("%%graphbit prompt x --for-each 'p in ou¦", ["outline"]),
        ("%%graphbit workflow x --of review --carry ¦", ["text="]),
        ("%%graphbit workflow x --of review --carry text=¦", ["score"]),
        ("%%graphbit workflow x --of review --returns ¦", ["score"]),
        ("%graphbit run --set to¦", ["topic="]),
        ("%graphbit run --inputs va¦", ["values"]),
        ("%graphbit run --on-error ¦", ["continue", "fail_fast"]),
        ("%graphbit config --config ¦", ["cheap"]),
        ("%graphbit local ¦", ["install"]),
        ("%graphbit run --sequential ou¦", ["outline"]),
        ("%graphbit run --from ou¦", ["outline"]),
        ("%graphbit run --from outline ro¦", ["route"]),
        ("%%graphbit agent x --tools add,wo¦", ["word_count"]),
        ("%%graphbit prompt x --for-each 'p in second.sc¦", ["second.score"]),
        ("%%graphbit prompt x --for-each 'ou¦", []),
        ("%%graphbit prompt x --image pho¦", ["photo"]),
        ("%%graphbit workflow x --of review --repeat-until 'sc¦", ["score"]),
        ("%%graphbit prompt x --provider cheap --model ¦", ["scripted"]),
        ("%%graphbit prompt x --provider local --model ¦", ["smollm2", "minilm"]),
        ("%graphbit help hum¦", ["human"]),
        ("%graphbit help ans¦", ["answer"]),
    ],
)
def test_values_of_options_are_offered(tab, code, offered):
    assert tab(code) == offered


def test_the_name_of_a_cell_is_offered_when_others_read_it_already(tab, shell):
    shell("%%graphbit prompt late --after intro\n{{ draft }}\n")
    assert {"intro", "draft", "topic"} <= set(tab("%%graphbit prompt ¦"))


@pytest.mark.parametrize(
    ("body", "offered"),
    [
        ("Write {{ ou¦", ["outline"]),
        ("Write {{ to¦ }} now", ["topic"]),
        ("one\ntwo {{ outline }} {% if ro¦", ["route"]),
        ("Write {{ second.sc¦", ["score"]),
        ("Write ou¦", []),
        ("Write {{ outline }} ou¦", []),
    ],
)
def test_nodes_and_inputs_are_offered_inside_braces_alone(tab, body, offered):
    assert tab(f"%%graphbit prompt x\n{body}") == offered


def test_a_cell_does_not_offer_its_own_node(tab):
    assert tab("%%graphbit prompt outline\n{{ ou¦ }}") == []


def test_nodes_are_offered_in_code(tab):
    assert tab("%%graphbit python x\nreturn ou¦") == ["outline"]


def test_bindings_of_a_workflow_are_offered_on_both_sides(tab):
    assert tab("%%graphbit workflow x --of review\nte¦") == ["text = "]
    assert tab("%%graphbit workflow x --of review\ntext = ou¦") == ["outline"]


def test_a_registered_kind_is_offered_with_its_options(tab):
    class Search(NodeProcessor):
        """Searches."""

        node_type = "search"
        options = ("engine", "limit")

    ProcessorRegistry.register(Search)
    try:
        assert tab("%%graphbit sea¦") == ["search"]
        assert tab("%%graphbit search found --en¦") == ["--engine"]
        assert tab("%%graphbit search found\n{{ ou¦") == ["outline"]
    finally:
        ProcessorRegistry.unregister("search")


@pytest.mark.parametrize("code", ["x = ou¦", "%time ou¦", "%%time\nou¦", "# %graphbit\nou¦"])
def test_elsewhere_nothing_of_ours_is_offered(tab, code):
    assert tab(code) == []


def test_a_broken_workflow_offers_what_it_can_and_never_raises(tab, capsys):
    for code in (
        "%%graphbit ¦",
        "%%graphbit x y¦",
        "%graphbit use ¦ --",
        "%%graphbit prompt 'a¦",
        "%graphbit run --set ¦",
    ):
        tab(code)
    assert capsys.readouterr().err == ""


# ---- files and models


@pytest.fixture
def folder(tab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("flow.yaml", "flow.py", "notes.txt", "old.json", ".hidden.json", "my flow.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "deep.yml").touch()
    return tab


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("%graphbit load ¦", ["flow.yaml", "flows/", "old.json"]),
        ("%graphbit load fl¦", ["flow.yaml", "flows/"]),
        ("%graphbit load flows/¦", ["flows/deep.yml"]),
        ("%graphbit load .h¦", [".hidden.json"]),
        ("%graphbit load 'my¦", ["my flow.yaml"]),
        ("%graphbit load nowhere/¦", []),
        ("%graphbit load flow.yaml --t¦", ["--trust"]),
        ("%graphbit export fl¦", ["flow.py", "flow.yaml", "flows/"]),
    ],
)
def test_files_that_fit_are_offered(folder, code, offered):
    assert folder(code) == offered


def test_models_of_a_provider_are_offered_once_the_list_that_names_them_is_there(tab):
    from graphbit_nb.providers import prices

    prices.warm()
    found = tab("%%graphbit prompt x --provider openai --model gpt-4o¦")
    assert "gpt-4o" in found
    assert "gpt-4o-mini" in found
