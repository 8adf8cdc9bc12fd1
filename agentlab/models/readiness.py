"""What stands in the way of calls to a model, as far as this machine and agentlab's lists tell before one is made."""

import difflib
import os
from collections.abc import Iterable

from agentlab.errors import ScenarioError
from agentlab.models.engines import plan
from agentlab.models.prices import as_of, listed, names
from agentlab.models.registry import PROVIDERS, Provider, options_of, split
from agentlab.models.spec import ModelSpec


def obstacles(spec: ModelSpec) -> list[str]:
    """A sentence for each: a key, an address, a file or an option that is missing, a name that is on no list."""
    provider_name, rest = split(spec.name)
    provider = PROVIDERS.get(provider_name)
    if provider is None:
        return []
    official = _is_official(spec, provider)
    lacking = provider.lacking(rest) if provider.lacking and not plan.is_started(spec) else ""
    engineless = plan.lacking(rest) if plan.is_started(spec) else ""
    sentences = (_keyless(spec, provider, official), _homeless(spec, provider), lacking, engineless, _tableless(spec))
    return [*filter(None, sentences), *([_unlisted(provider_name, rest)] if official and not listed(spec) else [])]


def require_keys(specs: Iterable[ModelSpec]) -> None:
    """Raises ScenarioError that names every key that is missing."""
    providers = [(spec, PROVIDERS[name]) for spec in specs if (name := split(spec.name)[0]) in PROVIDERS]
    keyless = [_keyless(spec, provider, _is_official(spec, provider)) for spec, provider in providers]
    if lacking := [*dict.fromkeys(filter(None, keyless))]:
        raise ScenarioError(f"{'; '.join(lacking)}. To name another variable, write `api_key_env`")


def _is_official(spec: ModelSpec, provider: Provider) -> bool:
    """Whether it is asked at the provider's own address."""
    return bool(provider.url) and spec.base_url in (None, provider.url)


def _keyless(spec: ModelSpec, provider: Provider, official: bool) -> str:
    name = spec.api_key_env or (provider.key if official else "")
    if not name or os.environ.get(name, "").strip():
        return ""
    return f"{spec.name} needs a key: set the environment variable {name}"


def _homeless(spec: ModelSpec, provider: Provider) -> str:
    elsewhere = spec.base_url or plan.is_started(spec)
    if not provider.address or elsewhere or os.environ.get(provider.address, "").strip():
        return ""
    right = (
        f"write `base_url: http://HOST:8000/v1`, set the environment variable {provider.address}, or let agentlab "
        f"start one with `options: {{weights: FOLDER}}`"
    )
    return f"{spec.name} needs the address of a server: {right}"


def _tableless(spec: ModelSpec) -> str:
    if spec.options or "replies" not in (options_of(spec.name) or ()):
        return ""
    judge = '`options: {scores: {"*": {"1": 0.5, "5": 0.5}}}`'
    return (
        f'{spec.name} needs a table of replies: `options: {{replies: {{"*": {{"yes": 0.3, "no": 0.7}}}}}}`, for a '
        f"judge {judge}"
    )


def _unlisted(provider: str, name: str) -> str:
    near = difflib.get_close_matches(name, names(provider), n=1, cutoff=0.6)
    guess = f"Did you mean {provider}/{near[0]}? " if near else ""
    return (
        f"{provider}/{name} is unknown: it is not among the models of {as_of():%Y-%m}. {guess}"
        "agentlab treats it as a new model of its family, with an unknown price"
    )
