"""Cells define nodes."""

import pytest

from graphbit_nb import UsageError, ValidationError


def names(shell):
    return [node.name for node in shell.workspace.draft.nodes]


def test_a_cell_defines_a_node_and_runs_nothing(shell):
    shell("%%graphbit prompt outline\nThree points about {{ topic }}.\n")
    assert names(shell) == ["outline"]
    assert shell.workspace.results == {}


def test_the_line_break_at_the_end_of_a_cell_is_not_part_of_the_prompt(shell):
    shell("%%graphbit prompt outline\nThree points.\n")
    assert shell.workspace.draft["outline"].settings.template.source == "Three points."


def test_edges_and_inputs_that_follow_from_the_text_are_announced(shell):
    shell("%%graphbit prompt outline\nThree points about {{ topic }}.\n")
    assert "outline (prompt) · takes the input topic" in shell.text
    shell("%%graphbit prompt draft\nWrite it up: {{ outline }}\n")
    assert "draft (prompt) · reads outline" in shell.text


def test_a_consumer_may_be_defined_before_its_producer(shell):
    shell("%%graphbit prompt draft\nWrite it up: {{ outline }}\n")
    shell("%%graphbit prompt outline\nThree points.\n")
    assert "feeds draft" in shell.text


def test_a_cell_run_again_under_another_name_replaces_its_node(shell):
    shell("%%graphbit prompt outline\nThree points.\n", cell_id="a")
    shell("%%graphbit prompt points\nThree points.\n", cell_id="a")
    assert names(shell) == ["points"]
    assert "replaces outline, which this cell defined before" in shell.text


def test_a_node_defined_in_another_cell_moves_there_and_that_is_said(shell):
    shell("%%graphbit prompt outline\nThree points.\n", cell_id="a")
    shell("%%graphbit prompt outline\nFour points.\n", cell_id="b")
    assert names(shell) == ["outline"]
    assert "replaces the outline that another cell defined" in shell.text


def test_a_cell_that_would_close_a_cycle_is_refused_and_changes_nothing(shell):
    shell("%%graphbit prompt a\nfirst\n")
    shell("%%graphbit prompt b\n{{ a }}\n")
    with pytest.raises(ValidationError, match="a → b → a"):
        shell("%%graphbit prompt a\n{{ b }}\n")
    assert shell.workspace.draft["a"].settings.template.source == "first"


def test_an_input_that_looks_like_a_slip_is_announced(shell):
    shell("%%graphbit prompt outline\nThree points.\n")
    shell("%%graphbit prompt draft\n{{ outlin }}\n")
    assert "did you mean 'outline'?" in shell.text


@pytest.mark.parametrize(
    "body",
    ['{"a": {"b": [1, 2]}}', "{#x}", "${#a[@]}", "a { color: red; } b{c:d}", "def f(x): return {x: [x]}", "100 %} { %"],
)
def test_braces_of_other_languages_need_no_escape(shell, body):
    shell(f"%%graphbit prompt code\n{body}\n")
    assert shell.workspace.draft["code"].settings.template.render({}) == body


def test_options_are_read_from_the_line(shell):
    shell(
        "%%graphbit prompt p --model m --temperature 0.5 --max-tokens 9 --stop END --stop '###' --seed 3 "
        "--system 'Be brief.' --output list[str] --timeout 2.5 --retry 3\nhello\n"
    )
    node = shell.workspace.draft["p"]
    assert node.settings.parameters() == {"temperature": 0.5, "max_tokens": 9, "stop": ("END", "###"), "seed": 3}
    assert (node.settings.model, node.settings.system.source) == ("m", "Be brief.")
    assert (str(node.output), node.timeout, node.retry) == ("list[str]", 2.5, 3)


def test_a_pydantic_model_of_the_notebook_can_be_the_output(shell):
    shell("import pydantic\nclass Person(pydantic.BaseModel):\n    name: str\n")
    shell("%%graphbit prompt who --output list[Person]\nWho?\n")
    assert shell.workspace.draft["who"].output.schema["properties"]["items"]["type"] == "array"


def test_only_one_drawing_shows_the_workflow_and_has_svg_html_and_text(shell):
    shell("%%graphbit prompt outline\nThree points about {{ topic }}.\n")
    (bundle,) = shell.outputs
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert "<svg" in bundle["image/svg+xml"]
    assert "data:image/svg+xml," in bundle["text/html"]


def test_the_text_form_is_the_same_each_time(shell):
    shell("%%graphbit prompt outline\nThree points.\n")
    first = shell.text
    shell("%%graphbit prompt outline\nThree points.\n")
    assert shell.text == first


def test_nodes_are_removed_by_name(shell):
    shell("%%graphbit prompt a\nx\n")
    shell("%%graphbit prompt b\n{{ a }}\n")
    shell("%graphbit rm b")
    assert names(shell) == ["a"]
    with pytest.raises(UsageError, match="no node 'c'"):
        shell("%graphbit rm c")


def test_workflows_are_kept_apart_by_name(shell):
    shell("%%graphbit prompt a\nx\n")
    shell("%graphbit new other")
    shell("%%graphbit prompt b\ny\n")
    assert names(shell) == ["b"]
    shell("%graphbit use workflow")
    assert names(shell) == ["a"]
    shell("%graphbit list")
    assert "* workflow: a (prompt)" in shell.text
    assert "other: b (prompt)" in shell.text


def test_reset_empties_the_current_workflow(shell):
    shell("%%graphbit prompt a\nx\n")
    shell("%graphbit reset")
    assert names(shell) == []


def test_a_setting_that_is_not_allowed_does_not_hinder_loading(shell):
    shell("%unload_ext graphbit_nb")
    shell.ip.config.GraphbitMagics.max_concurrency = 0
    shell("%load_ext graphbit_nb")
    assert "should not be less than 1" in shell.text
    shell("%%graphbit prompt a\nx\n")
    assert names(shell) == ["a"]
