"""What calls cost, from a dated table. An unknown price is unknown, never zero.

Prices have effective dates and bands: once a prompt is longer than a band's `above`, the whole call is charged by it.
"""

import json
import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from agentlab.models.cost import Cost
from agentlab.models.registry import PROVIDERS, split
from agentlab.models.spec import ModelSpec, Price
from agentlab.types import Usage

OFFICIAL = {None, *(provider.url for provider in PROVIDERS.values() if provider.url)}
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d\d-\d\d|latest)$")


def price_known(spec: ModelSpec) -> bool:
    """Whether calls of this model can be priced today."""
    return cost_of(spec, Usage(), date.max) is not None


def price_mistake(spec: ModelSpec, limit: str) -> str | None:
    """What is wrong with a limit on cost, named `limit`, where calls of this model cannot be priced."""
    return None if price_known(spec) else f"no price is known for {spec.name!r}, and {limit} needs one"


def cost_of(spec: ModelSpec, usage: Usage | None, when: date) -> float | None:
    """US dollars of a call on that day; None when the price or the tokens are unknown.

    The scenario's own `price` comes first.
    """
    if is_free(spec):
        return 0.0
    if usage is None:
        return None
    if spec.price is not None:
        return price_tokens(spec.price, usage)
    provider, name = split(spec.name)
    # Somebody else's server may be called like a listed model and cost something else.
    price = price_of(provider, name, usage.input, when) if spec.base_url in OFFICIAL else None
    return None if price is None else price_tokens(price, usage)


def estimated(spec: ModelSpec, usage: Usage | None) -> Cost:
    """What a call of this model that uses so many tokens would take today."""
    price = cost_of(spec, usage, datetime.now(UTC).date())
    return Cost(1, usage or Usage(), price or 0.0, int(price is None), uncounted=int(usage is None))


def is_free(spec: ModelSpec) -> bool:
    """Whether its calls cost nothing, whatever they use."""
    provider, _ = split(spec.name)
    return spec.price is None and provider in PROVIDERS and PROVIDERS[provider].free


def price_tokens(price: Price, usage: Usage) -> float:
    """US dollars; a missing cache price is the price of plain input."""
    plain = usage.input - usage.cache_read - usage.cache_write
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    total = plain * price.input + usage.cache_read * read + usage.cache_write * write + usage.output * price.output
    return total / 1e6


def price_of(provider: str, name: str, prompt: int, when: date) -> Price | None:
    """The listed price for a prompt of so many tokens on that day; a dated name falls back on the undated one."""
    models = _table().get(provider, {})
    periods = models.get(name) or models.get(_DATED.sub("", name))
    if periods is None:
        return None
    current = [period for period in periods if _since(period) <= when]
    if not current:
        return None
    bands = max(current, key=_since)["bands"]
    return _price([band for band in bands if prompt > band.get("above", -1)][-1])


def listed(spec: ModelSpec) -> bool:
    """Whether the table has the model, or the model of which it is a dated or fine-tuned version."""
    provider, name = split(spec.name)
    base = name.split(":")[1] if name.startswith("ft:") and ":" in name[3:] else name
    return base in _table().get(provider, {}) or _DATED.sub("", base) in _table().get(provider, {})


def names(provider: str) -> list[str]:
    """The models of a provider that the table has."""
    return [*_table().get(provider, {})]


def as_of() -> date:
    """The day on which the table was checked."""
    return date.fromisoformat(_file()["as_of"])


def _since(period: dict[str, Any]) -> date:
    return date.fromisoformat(period["since"]) if "since" in period else date.min


def _price(band: dict[str, Any]) -> Price:
    return Price(**{key: value for key, value in band.items() if key != "above"})


@cache
def _file() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))


def _table() -> dict[str, dict[str, list[dict[str, Any]]]]:
    return _file()["models"]
