"""The keys of providers: put into the encrypted file, listed, exchanged, thrown away."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pydantic import SecretStr

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.notebook import tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.hidden import asker
from graphbit_nb.notebook.tables import Column
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.storage.keychecks import checked_name, is_telling
from graphbit_nb.storage.secrets import SecureConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.notebook.magics import GraphbitMagics

WHATS = ("list", "set", "rm", "rotate", "unlock")
COLUMNS = (Column("provider"), Column("label"), Column("since"), Column("ends in", "code"))
WHERE = {
    "keychain": "the master key is in the system's keychain",
    "passphrase": "the master key comes of a passphrase",
    "file": "the master key is in a file beside it: who can read your files can read the keys",
}
_NOT_HERE = (
    "a key does not belong into a cell, where it is saved with the notebook and in the history; ask the provider for a "
    "new one, and write %graphbit keys set PROVIDER alone: it asks for the key in a hidden field"
)


def _what(word: str) -> str:
    """Refuse a wrong word without telling it: it may be a key."""
    if word not in WHATS:
        near = did_you_mean(word, WHATS) if is_telling(word) else ""
        raise argparse.ArgumentTypeError(f"no such word{near or '; there are ' + ', '.join(WHATS)}")
    return word


@command(
    "keys",
    arg("what", metavar="list|set|rm|rotate|unlock", nargs="?", default="list", type=_what, choices=WHATS),
    arg("provider", metavar="PROVIDER", nargs="?"),
    arg("refused", metavar="KEY", nargs="*", help="refused: a key does not belong into a cell"),
    arg("--label", metavar="L", help="which of several keys for the same provider"),
    arg("--master", metavar="M", choices=tuple(WHERE), help="where a new master key is: keychain, passphrase or file"),
    arg("--key", "--api-key", metavar="KEY", nargs="?", const="", dest="option", help="refused as well"),
    example="%graphbit keys set openai",
)
def keys(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Keep the keys of providers in an encrypted file: what is typed into a hidden field, never what is in a cell.

    %graphbit keys set PROVIDER asks for a key, rotate PROVIDER for its successor; rm PROVIDER throws it away; list
    tells which there are, never what they are. rotate alone makes a new master key. unlock asks for the passphrase
    once, so that runs can read the keys.
    """
    if options.refused or options.option is not None:
        raise UsageError(_NOT_HERE)
    ask = asker("set GRAPHBIT_PASSPHRASE, or the provider's variable such as OPENAI_API_KEY, before the kernel starts")
    store, name = SecureConfig(ask=ask), _name(options)
    if options.what in ("set", "rm") and name is None:
        raise UsageError(f"%graphbit keys {options.what} PROVIDER: say whose key")
    if options.master is not None and not (options.what == "set" or (options.what == "rotate" and name is None)):
        raise UsageError("--master is for the first key that is set, and for %graphbit keys rotate without a provider")
    match options.what:
        case "set" if name is not None:
            _say(_set(store, name, options, ask))
        case "rotate" if name is not None:
            if name not in store.names():
                store.remove(name)  # which says what is wrong
            store.rotate(name, SecretStr(ask(f"New key for {name}: ")))
            _say(f"{name}: the new key is kept; the old one is forgotten here, revoke it at the provider")
        case "rotate":
            store.rotate(master=options.master)
            _say(f"a new master key locks {store.path}; {WHERE[store.master or 'file']}")
        case "rm" if name is not None:
            store.remove(name)
            _say(f"{name}: the key is forgotten here; revoke it at the provider if it is not needed")
        case "unlock":
            store.unlock()
            _say(f"{store.path} is open in this kernel" if store.names() else "no key is kept yet")
        case _:
            _list(store, name)


def _set(store: SecureConfig, name: str, options: argparse.Namespace, ask: Callable[[str], str]) -> str:
    provider = name.partition(":")[0]
    if provider not in (known := ProviderRegistry.names()):
        near = did_you_mean(provider, known) if is_telling(provider) else ""
        raise UsageError(f"there is no such provider{near or '; there are ' + ', '.join(known)}")
    if options.master is not None and store.master is not None:
        raise UsageError(f"{store.path} has a master key already; %graphbit keys rotate --master {options.master}")
    if provider in ("local", "scripted"):
        raise UsageError(f"{provider} needs no key")
    store.set(name, SecretStr(ask(f"Key for {name}: ")), master=options.master)
    return f"{name}: kept in {store.path}; {WHERE[store.master or 'file']}"


def _name(options: argparse.Namespace) -> str | None:
    if options.provider is None:
        if options.label is not None:
            raise UsageError("--label needs a provider before it: %graphbit keys set openai --label work")
        return None
    if ":" in options.provider and options.label is not None:
        raise UsageError("give the label once: after the colon or as --label")
    return checked_name(options.provider if options.label is None else f"{options.provider}:{options.label}")


def _list(store: SecureConfig, name: str | None) -> None:
    provider = None if name is None else name.partition(":")[0]
    found = [info for info in store.list() if provider in (None, info.provider)]
    rows = [
        [info.provider, info.label, f"{info.since.astimezone():%Y-%m-%d %H:%M}", info.ending and f"…{info.ending}"]
        for info in found
    ]
    facts = [("file", str(store.path))] if store.master is not None else []
    notes = [WHERE[store.master]] if store.master is not None else []
    unused = sorted({info.provider for info in found} - {*PRESETS, *ProviderRegistry.names()})
    if unused:
        notes.append(f"no provider of this name is known here: {', '.join(unused)}")
    views.show(tables.table_bundle("keys", COLUMNS, rows, facts=facts, notes=notes, empty="no key is kept"))


def _say(line: str) -> None:
    views.show(views.line_bundle(line))
