"""The doors to files: `export` writes a workflow as its suffix says, `load` reads one back."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.redaction import holds_key
from graphbit_nb.errors import GraphbitError, UsageError, did_you_mean, nearest
from graphbit_nb.graph.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITTEN = (".py", ".json", ".yaml", ".yml", ".mmd", ".dot", ".svg")
READ = (".json", ".yaml", ".yml")
_INSTEAD = "read what is secret from an input, and keep API keys with SecureConfig or %graphbit keys set PROVIDER"
LARGEST = 10_000_000
"""Bytes of a file that is read."""


def export(
    workflow: Workflow,
    path: str | os.PathLike[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    config: LlmConfig | None = None,
) -> Path:
    """Write a workflow to a file. A file that is there is replaced, as a whole or not at all.

    Args:
        workflow: What to write.
        path: Where. The suffix says how: ``.json`` and ``.yaml`` can be loaded again, ``.py`` is a program, ``.mmd``
            is Mermaid, ``.dot`` and ``.svg`` are pictures.
        inputs: For ``.py``: values that the program uses unless its command line gives others.
        config: For ``.py``: the model that it asks, without the key; None is the embedded one.

    Returns:
        The path of the file.

    Raises:
        UsageError: the suffix is none of these, the file cannot be written, or something in the workflow cannot; the
            message names it.
    """
    target = _path(path)
    suffix = _suffix(target, WRITTEN, "is written")
    if suffix != ".py" and (inputs is not None or config is not None):
        raise UsageError(f"inputs and config go into a program; {target.name} is none, so leave them out")
    if config is not None and not isinstance(config, LlmConfig):
        raise UsageError(f"config={config!r}: give an LlmConfig, such as LlmConfig.openai('gpt-4o-mini')")
    text = exported_text(workflow, suffix, inputs=inputs, config=config)
    if holds_key(text):
        raise UsageError(
            f"{target.name} is not written: {_holder(workflow)} holds a key, and files never do; {_INSTEAD}"
        )
    _write(target, text)
    return target


def exported_text(
    workflow: Any, suffix: str, *, inputs: Mapping[str, Any] | None = None, config: LlmConfig | None = None
) -> str:
    """Return what `export` writes to a file with this suffix. Raises as `export` does."""
    if not isinstance(workflow, Workflow):
        built = "; call .build() on it first" if hasattr(workflow, "build") else ""
        raise UsageError(f"a Workflow is exported, not {type(workflow).__name__}{built}")
    if suffix == ".mmd":
        from graphbit_nb.files.mermaid import write_mermaid

        return write_mermaid(workflow)
    if suffix in (".dot", ".svg"):
        from graphbit_nb.drawing import pictures

        drawn = pictures.svg(workflow) if suffix == ".svg" else pictures.dot_source(workflow)
        return drawn.rstrip("\n") + "\n"
    from graphbit_nb.files.writing import to_document

    document = to_document(workflow)
    if suffix == ".py":
        from graphbit_nb.files.script import write_script

        return write_script(workflow, document, inputs=_known(inputs, workflow), config=config)
    from graphbit_nb.files.schema import plain_data

    if suffix == ".json":
        from graphbit_nb.files.json_text import write_json

        return write_json(plain_data(document))
    from graphbit_nb.files.yaml_text import write_yaml

    return write_yaml(plain_data(document))


def load(path: str | os.PathLike[str], *, trust: bool = False, namespace: dict[str, Any] | None = None) -> Workflow:
    """Read a workflow from a ``.json`` or ``.yaml`` file.

    Args:
        path: The file.
        trust: Whether code in it may be run, and addresses of models in it used. Without it, a file that has such is
            refused, and the message shows them.
        namespace: Where its code is run, and where the names of output types are looked up; None is a module of its
            own.

    Raises:
        UsageError: the file cannot be read, or is none of a workflow.
        UntrustedCodeError: it has code or addresses.
        ValidationError: it is not sound; `.problems` names every place.
    """
    from graphbit_nb.files.reading import from_document, read_document

    source = _path(path)
    suffix = _suffix(source, READ, "can be loaded")
    if not isinstance(trust, bool):
        raise UsageError(f"trust={trust!r}: give True or False")
    if namespace is not None and not isinstance(namespace, dict):
        raise UsageError(f"namespace={type(namespace).__name__}: give a dict, such as globals()")
    data, places = _parsed(source, suffix, _read(source))
    document = read_document(data, places)
    return from_document(document, trust=trust, namespace=namespace, places=places)


def _holder(workflow: Workflow) -> str:
    """Return the first node in which a key is, as far as that can be told."""
    for name, node in workflow.nodes.items():
        if holds_key(f"{node.settings!r} {vars(node) if hasattr(node, '__dict__') else node!r}"):
            return f"the node {name}"
    return "something in it"


def _parsed(source: Path, suffix: str, text: str) -> tuple[Any, Any]:
    from graphbit_nb.files.json_text import read_json
    from graphbit_nb.files.problems import Places
    from graphbit_nb.files.yaml_text import read_yaml

    if not text.strip():
        raise UsageError(f"{source.name} is empty")
    try:
        if suffix == ".json":
            return read_json(text), Places(source.name)
        data, lines = read_yaml(text)
    except GraphbitError as error:
        raise UsageError(f"{source.name}: {error}") from None
    return data, Places(source.name, lines)


def _path(path: Any) -> Path:
    if isinstance(path, str | os.PathLike) and isinstance(os.fspath(path), str) and os.fspath(path):
        return Path(path)
    raise UsageError(f"{path!r} is no path; give one such as 'flow.yaml'")


def _suffix(path: Path, known: tuple[str, ...], what: str) -> str:
    suffix = path.suffix.lower()
    if suffix in known:
        return suffix
    if suffix in WRITTEN:
        how = "a program: run it, or import its build()" if suffix == ".py" else "a picture"
        raise UsageError(
            f"{path.name} is {how}; what {what} is {', '.join(known)}: export the workflow as one of these"
        )
    near = nearest(suffix, known) if suffix else None
    hint = f"; did you mean {path.with_suffix(near).name!r}?" if near else ""
    told = f"the suffix {suffix!r} is not known" if suffix else "there is no suffix"
    raise UsageError(f"{path.name or path}: {told}{hint}; {', '.join(known)} {what}")


def _known(inputs: Any, workflow: Workflow) -> dict[str, Any]:
    from collections.abc import Mapping

    if inputs is not None and not isinstance(inputs, Mapping):
        raise UsageError(f"inputs={inputs!r}: give a dict of the workflow's inputs, by name")
    for name in inputs or {}:
        if name not in workflow.inputs:
            there = f"; there are {', '.join(workflow.inputs)}" if workflow.inputs else "; it has none"
            near = did_you_mean(str(name), workflow.inputs) or there
            raise UsageError(f"{workflow.name!r} has no input {name!r}{near}")
    return dict(inputs or {})


def _write(path: Path, text: str) -> None:
    """Write next to the file and put it in its place, so that nobody ever sees half of it."""
    try:
        target = path.resolve()
        if target.is_dir():
            raise UsageError(f"{path} is a directory; give the name of a file")
        if not target.parent.is_dir():
            raise UsageError(f"there is no directory {path.parent}; make it first")
        beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
        try:
            beside.write_bytes(text.encode())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{path} cannot be written: {_reason(error)}") from None


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a directory; give the name of a file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}{_near(path)}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {_reason(error)}") from None
    if len(content) > LARGEST:
        raise UsageError(f"{path} is larger than {LARGEST:,} bytes, which no workflow's file is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}: line {line}: this is no UTF-8; save the file as UTF-8") from None


def _near(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix.lower() in READ]
    except OSError:
        return ""
    return did_you_mean(path.name, names)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
