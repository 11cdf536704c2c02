"""Which model runs ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.notebook import views
from graphbit_nb.notebook.arguments import variable
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.providers.registry import ProviderRegistry

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics


@command(
    "config",
    arg("--provider", metavar="P", help="openai, anthropic, ollama, local, ..."),
    arg("--model", metavar="M", help="model to ask"),
    arg("--base-url", metavar="URL", help="where the server is"),
    arg("--config", metavar="VAR", help="a variable with an LlmConfig"),
    arg("--api-key", metavar="KEY", help="refused: a key does not belong into a cell"),
    example="%graphbit config --provider openai --model gpt-4o-mini",
)
def config(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Choose the model that runs ask, or say which it is."""
    if options.api_key is not None:
        raise UsageError(
            "a key does not belong into a cell, where it is saved with the notebook: write %graphbit keys set "
            "PROVIDER, which asks for it in a hidden field, or set the provider's environment variable before the "
            "kernel starts"
        )
    if options.config is not None:
        if options.provider or options.model or options.base_url:
            raise UsageError("--config says everything; leave the other options out")
        found = variable(options.config, magics.namespace, "--config")
        if not isinstance(found, LlmConfig):
            raise UsageError(f"--config {options.config}: that is a {type(found).__name__}, not an LlmConfig")
        magics.workspace.config = found
    elif options.provider is not None or options.model is not None or options.base_url is not None:
        magics.workspace.config = _config_of(options, magics.workspace.config)
    chosen = magics.workspace.config
    views.show(views.line_bundle(repr(chosen) if chosen is not None else "the embedded model, LlmConfig.local()"))


def _config_of(options: argparse.Namespace, current: LlmConfig | None) -> LlmConfig:
    provider = options.provider or (current.provider if current is not None else "local")
    if current is not None and current.provider == provider:
        kept = current.with_model(options.model)  # the address, the key and all other settings stay
        return kept if options.base_url is None else kept.model_copy(update={"base_url": options.base_url})
    if provider == "local":
        if options.base_url is not None:
            raise UsageError(
                "the embedded model has no --base-url; for a server of yours: --provider openai_compatible"
            )
        return LlmConfig.local(options.model) if options.model else LlmConfig.local()
    if provider == "scripted":
        raise UsageError(
            "a script is a variable: script = LlmConfig.scripted({...}), then %graphbit config --config script"
        )
    if provider not in (known := ProviderRegistry.names()):
        near = did_you_mean(provider, known)
        raise UsageError(f"no provider {provider!r}{near or '; there are ' + ', '.join(known)}")
    if options.model is None:
        raise UsageError(f"--provider {provider} needs --model as well")
    return LlmConfig(provider=provider, model=options.model, base_url=options.base_url)


@command(
    "local",
    arg("what", metavar="install", choices=("install",)),
    arg("--only", choices=("chat", "embed"), help="fetch the model that answers, or the one that gives vectors"),
    example="%graphbit local install",
)
def local(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Fetch the weights of the embedded models."""
    from graphbit_nb.providers.local.weights import install

    install(options.only, say=print)
