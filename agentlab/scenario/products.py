"""Tasks with a product: its files are put into the workspace, and what identifies it among the task's fields."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from agentlab import products
from agentlab.organization.agents import Organization
from agentlab.products import CASE_SEED, FIELD, SHIPPED, SOURCE, Case, Product, product_facts
from agentlab.scenario.fields import TaskFields
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest
from agentlab.types import Task

FILES = "files"


def with_product(site: CheckedDocument, id: str, task: TaskFields) -> Mapping[str, Any]:
    """The fields of a task with those of its product: its files, and its name, seed, and the hash of its generator.

    What is wrong with the product is added to the findings.
    """
    if task.product is None:
        return task.fields
    path, fields = ("tasks", id), task.fields
    if FIELD in fields:
        site.wrong(
            (*path, "fields", FIELD), f"the task has a field {FIELD!r} and `product:`", "give the field another name"
        )
    try:
        product = products.product(task.product)
        made = _files(task.product, task.product_seed, products.source(product))
    except Exception as error:  # a generator of the user's may fail in any way
        known = f"{suggest(task.product, SHIPPED)}; or name a module of your own beside the scenario"
        right = known if str(error).startswith("no module") else "fix the module, or name another product"
        site.wrong((*path, "product"), f"the product {task.product!r} cannot be used: {error}", right)
        return {**fields, FIELD: {"name": task.product, SOURCE: ""}}  # so that no judge says that there is none
    beside: Mapping[str, Any] = fields.get(FILES) or {}
    for name in beside:
        if name in made or name == product.PROGRAM:
            wrong = (
                f"the file {name!r} is {'data of the product' if name in made else 'the one that agents must write'}"
            )
            site.wrong((*path, "fields", FILES, name), wrong, "give the file another name")
    about = {"name": task.product, "seed": task.product_seed, SOURCE: products.source(product)}
    about |= {} if task.case_seed is None else {CASE_SEED: task.case_seed}
    return {**fields, FILES: {**made, **beside}, FIELD: about}


@lru_cache(maxsize=32)
def _files(name: str, seed: int, source: str) -> Mapping[str, str]:
    """Made once, although every condition asks for them."""
    del source
    product = products.product(name)
    made = _texts(f"files({seed})", product.files(seed))
    if dict(product.files(seed)) != made:
        raise ValueError(f"files({seed}) gives other files each time; draw from a `Random` that is made from the seed")
    case = _case(product, seed)
    if _case(product, seed) != case:
        raise ValueError(
            f"case({seed}, 0) gives another case each time; draw from a `Random` that is made from its seed and number"
        )
    return made


def _case(product: Product, seed: int) -> dict[str, str]:
    """The files of the first held-out case."""
    case = cast(Any, product.case(seed, 0))
    if not isinstance(case, Case):
        raise ValueError(f"case({seed}, 0) gives {type(case).__name__}, which must be a `Case`")
    return _texts(f"case({seed}, 0)", case.files)


def _texts(what: str, files: Mapping[str, Any]) -> dict[str, str]:
    for path, text in files.items():
        if not isinstance(text, str):
            raise ValueError(f"{what} gives {type(text).__name__} for {path}, which must be text")
    return dict(files)


def has_workspace(site: CheckedDocument, name: str, tasks: Mapping[str, Task], organization: Organization) -> None:
    """Agents can write the program: without a workspace it is absent on every case."""
    if organization.hooks.workspace is not None:
        return
    for id, task in tasks.items():
        if product_facts(task.fields):
            wrong = f"the agents of {name} have no workspace, so they cannot write a program"
            site.wrong(
                ("tasks", id, "product"),
                wrong,
                "use a protocol that has one, such as `kind: board`, or name no product",
            )


def same_product(site: CheckedDocument, arms: Sequence[Mapping[str, Task]]) -> None:
    """A task has one product in all conditions, so that all arms are measured on the same cases."""
    for id, task in arms[0].items():
        made = product_facts(task.fields)
        if any(product_facts(other[id].fields) != made for other in arms[1:] if id in other):
            right = "give every condition the same product and seed, or make two tasks"
            site.wrong(("tasks", id, "product"), f"a level changes the product of task {id!r}", right)
