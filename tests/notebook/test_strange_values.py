"""Values that are strange, large or broken never break a run or a view."""

import pytest

from graphbit_nb import DefinitionError, MissingInputError, OutputError, UsageError, ValidationError
from graphbit_nb.notebook import html


class Broken:
    def __repr__(self):
        raise ValueError("no text")


def endless():
    items = []
    items.append(items)
    return items


@pytest.mark.parametrize("value", [Broken(), {(1, 2): 3}, endless(), [Broken()]])
def test_a_value_without_a_text_is_named_by_its_type(value):
    assert html.preview(value) == f"<{type(value).__name__}, whose text cannot be made>"
    assert "whose text cannot be made" in html.answer(value).replace("&lt;", "<")


def test_a_run_with_such_a_value_ends_with_its_result(shell):
    shell.ip.user_ns["broken"] = Broken
    shell("%%graphbit python bad\nreturn broken()\n")
    shell("%%graphbit python later\nreturn bad is not None\n")
    assert shell("%graphbit run").outputs["later"] is True


def test_only_the_beginning_of_a_large_value_is_written():
    class Counting(list):
        read = 0

        def __iter__(self):
            for item in range(10**9):
                Counting.read += 1
                yield item

    values = Counting([1])
    assert html.preview(values).startswith("[0, 1, 2")
    assert Counting.read < 10_000


def test_a_long_prompt_is_cut_where_it_is_shown(shell):
    shell.ip.user_ns["article"] = "word " * 100_000
    shell("%%graphbit prompt p\n{{ article }}\n")
    shell("%graphbit preview p")
    assert len(shell.text) < 25_000
    assert "more characters" in shell.text


def test_an_error_of_many_lines_is_told_on_one(shell):
    shell("%%graphbit python bad\nraise ValueError('first\\nsecond \\x1b[31mred\\x1b[0m')\n")
    shell("%graphbit run")
    assert "ValueError: first second red" in shell.text


def test_functions_and_modules_are_not_printed_into_prompts(shell):
    shell("def summary():\n    return 1")
    shell("%%graphbit prompt p\n{{ summary }}\n")
    with pytest.raises(MissingInputError, match="'summary' has no value"):
        shell("%graphbit run")


def test_numbers_of_numpy_stay_numbers_in_prompts(shell):
    shell("import numpy as np\nfound = [np.int64(3), np.float32(1.5)]")
    shell("%%graphbit prompt p\n{{ found }}\n")
    shell("%graphbit preview p")
    assert "[3, 1.5]" in shell.text


# ---- settings stay what they are


def test_another_model_keeps_the_address(shell):
    shell("%graphbit config --provider openai --model m --base-url http://127.0.0.1:9/v1")
    shell("%graphbit config --model other")
    assert repr(shell.workspace.config) == "LlmConfig.openai(model='other', base_url='http://127.0.0.1:9/v1')"


def test_options_that_would_be_ignored_are_refused(shell):
    with pytest.raises(UsageError, match="no --base-url"):
        shell("%graphbit config --provider local --base-url http://127.0.0.1:9/v1")


def test_loading_again_keeps_workflows_and_model(scripted):
    shell = scripted({"*": "x"})
    shell("%%graphbit prompt a\nx\n")
    shell("%reload_ext graphbit_nb")
    assert [node.name for node in shell.workspace.draft.nodes] == ["a"]
    assert shell.workspace.config.provider == "scripted"


def test_a_node_that_others_come_after_is_not_removed(shell):
    shell("%%graphbit prompt a\nx\n")
    shell("%%graphbit prompt b --after a\ny\n")
    with pytest.raises(ValidationError, match="this node needs 'a', which would be gone"):
        shell("%graphbit rm a")
    assert [node.name for node in shell.workspace.draft.nodes] == ["a", "b"]


def test_run_inside_a_quoted_option_is_text(shell):
    shell('%%graphbit prompt x --system "use the --run flag"\nhi\n')
    assert shell.workspace.results == {}


def test_a_variable_is_no_longer_set_once_the_cell_does_not_say_so(shell):
    shell("%%graphbit python z --into zz\nreturn 1\n")
    shell("%%graphbit python z\nreturn 1\n")
    shell("zz = 'mine'\nr = %graphbit run")
    assert shell.ip.user_ns["zz"] == "mine"


def test_one_cell_may_define_several_nodes(shell):
    shell("for i in range(3):\n    get_ipython().run_cell_magic('graphbit', f'prompt n{i}', 'hi')\n", cell_id="loop")
    assert [node.name for node in shell.workspace.draft.nodes] == ["n0", "n1", "n2"]


def test_a_global_of_a_cell_is_the_notebooks_variable(shell):
    shell("counter = 1")
    shell("%%graphbit python count\nglobal counter\ncounter += 1\nreturn counter\n")
    assert shell("%graphbit run").outputs["count"] == 2
    assert shell.ip.user_ns["counter"] == 2


@pytest.mark.parametrize("line", ["!ls", "%time 1", "x = !ls"])
def test_shell_and_magic_lines_in_a_node_are_explained(shell, line):
    with pytest.raises(DefinitionError, match="shell and magic lines do not work in a node"):
        shell(f"%%graphbit python x\n{line}\n")


def test_a_slip_is_told_once(shell):
    shell("%%graphbit prompt outline\nx\n")
    shell("%%graphbit prompt draft\n{{ outlin }}\n")
    shell("%%graphbit prompt other\nx\n")
    assert "did you mean" not in shell.text


def test_an_example_for_a_name_that_the_prompt_lacks_is_refused(shell):
    shell.ip.user_ns["examples"] = [({"txt": "T"}, "a")]
    with pytest.raises(DefinitionError, match="example 1: the prompt has no 'txt'; did you mean 'text'"):
        shell("%%graphbit prompt p --examples examples\n{{ text }}\n")


def test_a_fallback_must_fit_the_output(shell):
    shell("%%graphbit prompt n --output int --fallback 7\nx\n")
    assert shell.workspace.draft["n"].fallback == 7
    with pytest.raises(OutputError, match="n: the answer is no int"):
        shell("%%graphbit prompt n --output int --fallback seven\nx\n")


def test_an_unknown_provider_of_a_node_is_refused_at_once(shell):
    with pytest.raises(UsageError, match="no provider 'opnai'; did you mean 'openai'"):
        shell("%%graphbit prompt p --provider opnai --model m\nx\n")
