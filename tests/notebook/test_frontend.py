"""What runs in the browser is put together from modules that a browser could load as they are."""

import base64
import gzip
import re
from collections import Counter

import pytest

from graphbit_nb.drawing.marks import MARKS
from graphbit_nb.notebook.live import frontend

MODULES = sorted(path for path in frontend.folder().iterdir() if path.name.endswith(".js"))
DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:function\*? (\w+)|class (\w+)|(?:const|let) (\w+)|(?:const|let) [{\[]([^}\]]*)[}\]])",
    re.MULTILINE,
)


def names_in(source):
    """The names that stand at the top level of a module."""
    for function, kind, value, several in DECLARED.findall(source):
        yield from filter(None, [function, kind, value, *re.findall(r"\w+(?=\s*(?:,|$))", several)])


def test_no_two_modules_use_the_same_name_at_their_top_level():
    counted = Counter(name for path in MODULES for name in names_in(path.read_text("utf-8")))
    assert [name for name, count in counted.items() if count > 1] == []


def exported_by(source):
    return set(re.findall(r"^export (?:async )?(?:function\*?|class|const|let) (\w+)", source, re.MULTILINE))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_each_module_ties_itself_to_others_in_the_one_way_that_is_understood(path):
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("import"):
            assert re.fullmatch(r'import \{ [\w, ]+ \} from "\./[\w-]+\.js";', line), line
            names, other = re.fullmatch(r'import \{ ([\w, ]+) \} from "\./([\w-]+\.js)";', line).groups()
            source = (frontend.folder() / other).read_text("utf-8")
            for name in names.split(", "):
                assert re.search(
                    rf"^export (?:async )?(?:function\*?|class|const|let) {name}\b", source, re.MULTILINE
                ), line


def test_every_module_is_in_the_whole():
    whole = set(names_in(frontend.module()))
    for path in MODULES:
        assert exported_by(path.read_text("utf-8")) <= whole, path.name
    assert "import {" not in frontend.module()
    assert frontend.module().count("export ") == 2


def test_nothing_from_outside_is_ever_read_as_html():
    for path in MODULES:
        source = path.read_text("utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in source, f"{path.name}: {word}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_text_goes_over_several_lines_since_comments_and_indents_are_taken_out_by_line(path):
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        assert line.partition("//")[0].count("`") % 2 == 0, f"{path.name}:{number}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_is_exported_is_imported_somewhere(path):
    others = "".join(other.read_text("utf-8") for other in MODULES if other != path)
    imported = {
        name for names in re.findall(r"^import \{ ([\w, ]+) \}", others, re.MULTILINE) for name in names.split(", ")
    }
    if path.name != frontend.ENTRY:
        assert exported_by(path.read_text("utf-8")) <= imported


def test_nothing_is_fetched_from_anywhere():
    for path in frontend.folder().iterdir():
        for address in re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8")):
            assert address == "http://www.w3.org/2000/svg", f"{path.name}: {address}"


def test_what_is_packed_is_the_whole_in_letters_that_cannot_end_a_script():
    packed = frontend.pack("</script>" + frontend.module())
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)
    assert gzip.decompress(base64.b64decode(packed)).decode() == "</script>" + frontend.module()


def test_the_marks_of_the_widgets_are_those_of_the_drawing():
    source = (frontend.folder() / "marks.js").read_text("utf-8")
    for state, (_, body, glyph) in MARKS.items():
        assert state in source
        assert body in source
        assert glyph in source


def test_what_travels_with_a_saved_run_stays_small():
    assert len(frontend.code()) < 66_000  # with its look
