"""Products: programs that agents build, and how they are measured. `SHIPPED` are those that a scenario names.

A product of your own is a module beside the scenario, named without `.py`: `product: my_product`.
"""

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from agentlab import own_code
from agentlab.mapping import mapping
from agentlab.products.product import Case, Figure, Measured, Product, WrongFormat
from agentlab.registry import Registry

__all__ = [
    "CASE_SEED",
    "FIELD",
    "SHIPPED",
    "SOURCE",
    "Case",
    "Figure",
    "Measured",
    "Product",
    "WrongFormat",
    "product",
    "product_facts",
    "source",
]

SHIPPED = Registry[Product](__name__, {"news_ranker": "news_ranker", "sepsis_triage": "sepsis_triage"})
FIELD = "product"
"""The task field that says which product it is: its name, its seeds, and the hash of its generator."""
CASE_SEED = "case_seed"
"""Of a product: the seed of its held-out cases."""
SOURCE = "source"
"""Of a product: the hash of its generator, which no field of a user has."""
_FUNCTIONS, _TEXTS = ("files", "case", "measured", "limits"), ("PROGRAM", "COMMAND")


def product_facts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields of a task say of its product; empty without one, whatever a field of its name may hold."""
    facts = mapping(fields.get(FIELD))
    return facts if SOURCE in facts else {}


def product(name: str) -> Product:
    """The product that a task names. Raises `ValueError` with the reason if it cannot be loaded."""
    if name in SHIPPED:
        return SHIPPED[name]
    if not name.isidentifier():
        raise ValueError(f"{name!r} is not the name of a module")
    module = own_code.module(name)
    lacks = [part for part in _FUNCTIONS if not callable(getattr(module, part, None))]
    lacks += [part for part in _TEXTS if not isinstance(getattr(module, part, None), str)]
    if lacks:
        raise ValueError(f"{name!r} is not a product: it has no {', no '.join(lacks)}")
    return cast(Product, module)


def source(made: Product) -> str:
    """SHA-256 of the module's text: another generator makes other data, so that its scores are not comparable."""
    file = inspect.getsourcefile(cast(ModuleType, made))
    return hashlib.sha256(Path(cast(Any, file)).read_bytes()).hexdigest()
