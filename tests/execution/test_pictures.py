"""Prompts that show pictures to a model."""

import runpy
from pathlib import Path

import pytest
from test_images import PNG

import graphbit_nb as gb

SEEN = gb.Image(data=PNG)


def run(*nodes, inputs=None, answer="seen"):
    asked = []

    def respond(request):
        asked.append(request.messages)
        return answer

    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        builder.add_node(node)
    result = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": respond})).execute(builder.build(), inputs)
    return result, asked


def test_an_input_is_a_picture():
    result, [[said]] = run(gb.Node.prompt("a", "What is it?", images="photo"), inputs={"photo": PNG})
    assert said == gb.Message("user", "What is it?", images=(SEEN,))
    assert result.nodes["a"].messages == (said,)


def test_a_node_gives_a_picture_and_comes_before():
    draw = gb.Node.python("page", lambda: {"scan": PNG})
    _, [[said]] = run(gb.Node.prompt("a", "Read it.", images=["page.scan"]), draw)
    assert said.images == (SEEN,)


def test_a_list_is_several_pictures_and_pictures_themselves_are_taken_as_they_are():
    far = gb.Image(url="https://h/b.png")
    node = gb.Node.prompt("a", "Compare.", images=["photos", far, PNG])
    _, [[said]] = run(node, inputs={"photos": [PNG, PNG]})
    assert said.images == (SEEN, SEEN, far, SEEN)


def test_a_file_is_read_when_the_node_runs(tmp_path):
    path = tmp_path / "a.png"
    node = gb.Node.prompt("a", "Look.", images=path)
    path.write_bytes(PNG)
    _, [[said]] = run(node)
    assert said.images == (SEEN,)


def test_each_item_of_a_fan_out_has_its_own():
    node = gb.Node.prompt("a", "Look.", images="photo", for_each="photo in photos")
    result, _ = run(node, inputs={"photos": ["https://h/1.png", "https://h/2.png"]})
    shown = [result.nodes["a"].parts[f"a[{number}]"].messages[0].images[0].url for number in range(2)]
    assert shown == ["https://h/1.png", "https://h/2.png"]


def test_they_go_with_what_the_user_says_last():
    node = gb.Node.prompt("a", "@user\nOne\n@assistant\nYes\n@user\nTwo", images="photo", system="Be brief.")
    _, [said] = run(node, inputs={"photo": PNG})
    assert [message.images for message in said] == [(), (), (), (SEEN,)]


def test_an_agent_shows_them_in_every_turn():
    answers = iter([gb.GenerateResponse(text="", tool_calls=(gb.ToolCall("1", "now", {}),)), "done"])

    def now() -> str:
        """Tell the time."""
        return "noon"

    node = gb.Node.agent("a", "Look.", tools=[now], images="photo")
    asked = []

    def respond(request):
        asked.append(request.messages[0].images)
        return next(answers)

    builder = gb.WorkflowBuilder("w")
    builder.add_node(node)
    config = gb.LlmConfig.scripted({"*": respond})
    assert gb.WorkflowExecutor(config).execute(builder.build(), {"photo": PNG}).outputs["a"] == "done"
    assert asked == [(SEEN,), (SEEN,)]


def test_what_is_no_picture_fails_the_node_and_nothing_is_asked():
    result, asked = run(gb.Node.prompt("a", "Look.", images="photo"), inputs={"photo": 7})
    assert "int is no picture" in result.errors["a"].message
    assert asked == []


def test_a_prompt_in_which_no_user_speaks_has_no_place_for_them():
    node = gb.Node.prompt("a", "@assistant\nYes", images="photo")
    result, asked = run(node, inputs={"photo": PNG})
    assert "no @user speaks" in result.errors["a"].message
    assert asked == []


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ("photo.png", r"give Path\('photo.png'\)"),
        ("data/photo", "Path"),
        (7, "int is no picture"),
        ([7], "int is no picture"),
        ("a b", "images: "),
        ("", "images: "),
    ],
)
def test_slips_are_refused_when_the_node_is_defined(images, told):
    with pytest.raises(gb.DefinitionError, match=told):
        gb.Node.prompt("a", "Look.", images=images)


@pytest.mark.parametrize("suffix", ["json", "yaml", "py"])
def test_names_of_pictures_are_written_to_files_and_pictures_are_not(tmp_path, suffix):
    def exported(images):
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.prompt("a", "Look.", images=images))
        gb.export(builder.build(), path)
        return builder.build()

    path = tmp_path / f"w.{suffix}"
    workflow = exported(["photo", "page.scan"])
    assert (runpy.run_path(str(path))["build"]() if suffix == "py" else gb.load(path)) == workflow
    with pytest.raises(gb.UsageError, match="make it an input"):
        exported([Path("a.png")])
