"""Random choices of programs, drawn by a random stream."""

import math
from collections.abc import Mapping
from typing import Any, cast

from agentlab.organization.cascade import values
from agentlab.seeds import stream as stream_of


def chosen(pool: Any, k: int | None, stream: int, address: str) -> tuple[Any, str | None]:
    """An option of a list or of a mapping of options to weights, or `k` of them; or None, and why there is none.

    Each option gets a uniform number, and weights make an exponential race of them (Efraimidis and Spirakis 2006).
    """
    weights: list[Any] = []
    if isinstance(pool, Mapping):
        pairs = cast("Mapping[str, Any]", pool)
        weights, pool = list(pairs.values()), list(pairs)
    if not isinstance(pool, list | tuple):
        return None, "there is nothing to choose from"
    options = list(cast("list[Any]", pool))
    rates = [1.0] * len(options) if not weights else [values.number(weight) or 0.0 for weight in weights]
    if any(rate < 0 for rate in rates) or sum(rate > 0 for rate in rates) < (k or 1):
        return None, f"there are fewer than {k or 1} options with a weight above 0"
    uniform = [(stream_of(stream, address, i) + 0.5) / 2**63 for i in range(len(options))]
    race = [-math.log(u) / rate if rate else math.inf for u, rate in zip(uniform, rates, strict=True)]
    order = sorted(range(len(options)), key=race.__getitem__)
    return (options[order[0]] if k is None else [options[i] for i in order[:k]]), None
