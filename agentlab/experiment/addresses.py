"""Where the models of a run are served. A server may move from job to job while its model stays the same.

What a model is, its name and the address in the scenario included, decides identities; where it is reached now is only
recorded, with the time.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from agentlab.errors import ScenarioError
from agentlab.mapping import mapping
from agentlab.models.registry import PROVIDERS, split
from agentlab.models.spec import ModelSpec
from agentlab.suggestion import suggest

VARIABLE = "AGENTLAB_BASE_URL"
"""The environment variable that says it for every command: ALIAS=URL, several between commas."""
Moved = Mapping[str, str]
"""The address now, by alias."""


def moved(texts: Sequence[str]) -> Moved:
    """From options, each ALIAS=URL; without any, from the environment. Raises `ScenarioError`."""
    named = "--base-url" if texts else VARIABLE
    addresses: dict[str, str] = {}
    for text in texts or filter(None, os.environ.get(VARIABLE, "").split(",")):
        alias, equals, url = text.strip().partition("=")
        if not equals or not alias or not url:
            raise ScenarioError(f"{named}: write ALIAS=URL, such as default=http://node7:8000/v1")
        addresses[alias] = url
    return addresses


def check(where: Moved, models: Iterable[str]) -> None:
    """Raises `ScenarioError` for an alias that is none of the run's."""
    known = list(models)
    for alias in where:
        if alias not in known:
            raise ScenarioError(f"--base-url: no model {alias!r} under models; {suggest(alias, known)}")


def reached(specs: Mapping[str, ModelSpec], where: Moved, section: Mapping[str, Any]) -> dict[str, ModelSpec]:
    """The models by alias, those that have moved with their address of now.

    `section` is the `models:` of the scenario: a level's own model at another address is not moved with its alias.
    """
    models = dict(specs)
    for alias in where.keys() & specs.keys():
        spec, written = specs[alias], mapping(section.get(alias)).get("base_url")
        if spec.base_url in (None, str(written or "").rstrip("/")):
            models[alias] = _at(spec, alias, where[alias])
    return models


def _at(spec: ModelSpec, alias: str, url: str) -> ModelSpec:
    provider = PROVIDERS.get(split(spec.name)[0])
    if provider is None or not (provider.url or provider.address):
        raise ScenarioError(f"--base-url {alias}=…: {spec.name} has no address; leave the option out")
    try:
        return ModelSpec.model_validate({**spec.model_dump(exclude_unset=True), "base_url": url})
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        raise ScenarioError(f"--base-url {alias}=…: {mistake.get('ctx', {}).get('error', mistake['msg'])}") from None


def recorded(old: Sequence[Mapping[str, Any]], specs: Iterable[tuple[str, ModelSpec]]) -> list[Mapping[str, Any]]:
    """What the run's meta is to hold of addresses: an entry each time that a model is reached at another one."""
    entries, at = list(old), datetime.now(UTC).isoformat(timespec="seconds")
    for alias, spec in specs:
        provider = PROVIDERS.get(split(spec.name)[0])
        url = spec.base_url or (os.environ.get(provider.address, "").rstrip("/") if provider else "")
        entry = {"model": alias, "name": spec.name, "url": url}
        last = next(
            (recent for recent in reversed(entries) if (recent["model"], recent["name"]) == (alias, spec.name)), None
        )
        if url and (last is None or last["url"] != url):
            entries.append({"at": at, **entry})
    return entries
