"""A look-up in pages that a task holds, for `python` steps."""

from collections.abc import Mapping


def look(pages: Mapping[str, str], name: str) -> str | None:
    """The page of this name; None, which counts as no value, if there is none."""
    return pages.get(name.strip().lower())
