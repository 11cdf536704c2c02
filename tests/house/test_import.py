"""`import graphbit_nb` is light: what is optional or heavy comes with its first use."""

import json
import subprocess
import sys

# What the workflow classes are made of: models of data, and templates.
FOR_WORKFLOWS = {
    *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    *("jinja2", "markupsafe"),
}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules, neither ours nor the standard library's, that a fresh interpreter loads for this."""
    script = (
        f"import json, sys; before = {{*sys.modules}}; {statement}; print(json.dumps([*{{*sys.modules}} - before]))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout)}
    return {
        name for name in loaded - sys.stdlib_module_names - {"graphbit_nb"} if not name.startswith("_sysconfigdata")
    }


def test_the_import_loads_no_other_distribution():
    assert loaded_by("import graphbit_nb") == set()


def test_workflow_classes_load_only_what_they_are_made_of():
    assert loaded_by("from graphbit_nb import LlmConfig, Node, Workflow, WorkflowBuilder") <= FOR_WORKFLOWS
