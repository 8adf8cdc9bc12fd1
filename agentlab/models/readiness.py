"""What stands in the way of calls to a model, as far as this machine and agentlab's lists tell before one is made."""

import difflib
import os

from agentlab.models.prices import as_of, listed, names
from agentlab.models.registry import PROVIDERS, Provider, split
from agentlab.models.spec import ModelSpec


def obstacles(spec: ModelSpec) -> list[str]:
    """A sentence for each: a key or a file that is missing, a name that is on no list."""
    provider_name, rest = split(spec.name)
    provider = PROVIDERS.get(provider_name)
    if provider is None:
        return []
    official = bool(provider.url) and spec.base_url in (None, provider.url)
    told = (_keyless(spec, provider, official), provider.lacking(rest) if provider.lacking else "")
    return [*filter(None, told), *([_unlisted(provider_name, rest)] if official and not listed(spec) else [])]


def _keyless(spec: ModelSpec, provider: Provider, official: bool) -> str:
    name = spec.api_key_env or (provider.key if official else "")
    if not name or os.environ.get(name, "").strip():
        return ""
    return f"{spec.name} needs a key: set the environment variable {name}"


def _unlisted(provider: str, name: str) -> str:
    near = difflib.get_close_matches(name, names(provider), n=1, cutoff=0.6)
    guess = f"Did you mean {provider}/{near[0]}? " if near else ""
    return (
        f"{provider}/{name} is unknown: it is not among the models of {as_of():%Y-%m}. {guess}"
        "It is taken for a new one of its family, at an unknown price"
    )
