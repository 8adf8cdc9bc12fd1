"""A model named on the command line in the place of one that the scenario names."""

from typing import Any

from agentlab.errors import Place
from agentlab.scenario.document import Keys, Tree, patch
from agentlab.scenario.validate import mapping


def override(tree: Tree, alias: str, option: str, name: str) -> Tree:
    """The document with `models.ALIAS` replaced; a mistake in the name points to the option. `max_tokens` stays."""
    old = mapping(mapping(tree.value.get("models")).get(alias))
    spec: dict[str, Any] = {"name": name}
    places: dict[Keys, Place] = {(): Place(option, 1, 1), ("name",): Place(option, 1, 1)}
    if "max_tokens" in old:
        spec["max_tokens"], places["max_tokens",] = old["max_tokens"], tree.place(("models", alias, "max_tokens"))
    without = patch(tree, Tree(None, {(): Place(option, 1, 1)}).under(("models", alias)))
    return patch(without, Tree(spec, places, places).under(("models", alias)))
