"""Modes of the cache, ages and samples in files."""

import pytest

import graphbit_nb as gb
from graphbit_nb.errors import GraphbitError
from graphbit_nb.session.files import export, load

NODE = "format: graphbit-workflow\nversion: 1\nname: w\nnodes:\n  - name: a\n    kind: prompt\n    prompt: x\n"


def one(**more):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("a", "x", **more))
    return builder.build()


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize("more", [{"cache": "3h"}, {"cache": "ignore"}, {"sample": 3}, {"sample": "item"}])
def test_they_come_back(more, suffix, tmp_path):
    assert load(export(one(**more), tmp_path / f"flow.{suffix}")) == one(**more)


def test_an_agent_s_sample_comes_back(tmp_path):
    def search(text: str) -> str:
        """Search."""
        return text

    node = gb.Node.agent("a", "x", tools=[search], sample=2)
    assert node.settings.sample == 2


def test_they_are_in_the_script(tmp_path):
    text = export(one(cache="3h", sample=3), tmp_path / "flow.py").read_text()
    assert "cache='3h'" in text or 'cache="3h"' in text
    assert "sample=3" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cache: recomptue", "nodes[0].cache (line 8): a: cache='recomptue'; did you mean 'recompute'?"),
        ("cache: 3 weeks", "nodes[0].cache (line 8): a: cache='3 weeks'"),
        ("cache: 3", "nodes[0].cache (line 8): a text is needed"),
        ("sample: -1", "nodes[0].sample (line 8): a: sample=-1"),
        ("sample: items", "nodes[0].sample (line 8): a whole number or 'item' is needed"),
    ],
)
def test_slips_in_files_are_refused_with_their_place(line, message, tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(f"{NODE}    {line}\n")
    with pytest.raises(GraphbitError) as told:
        load(path)
    assert message in str(told.value)
