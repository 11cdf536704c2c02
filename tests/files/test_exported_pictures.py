"""Pictures are exported by their suffix."""

import xml.etree.ElementTree as ET

import graphbit_nb as gb
from graphbit_nb.session.files import export


def workflow():
    builder = gb.WorkflowBuilder("w <&> w")
    builder.add_node(gb.Node.prompt("draft", "{{ topic }}"))
    builder.add_node(gb.Node.prompt("title", "{{ draft }}"))
    return builder.build()


def test_dot_is_the_source_of_the_drawing(tmp_path):
    text = export(workflow(), tmp_path / "flow.dot").read_text()
    assert text.startswith("digraph")
    assert "draft" in text
    assert text.endswith("}\n")


def test_svg_is_a_picture_that_stands_alone(tmp_path):
    root = ET.fromstring(export(workflow(), tmp_path / "flow.SVG").read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title").text.startswith("w <&> w")
