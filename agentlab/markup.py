"""Pages and pictures from templates, which stand beside the modules that fill them.

Whatever is filled in is made inert (`sanitize`) and escaped, but for markup that a template has made itself.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from agentlab.text import pluralize, sanitize

_CODE = re.compile(r"`([^`\n]+)`")


def render(template: str, **values: Any) -> str:
    """The template of that path within this package, filled in. Raises jinja2.UndefinedError for a missing value."""
    return _environment().get_template(template).render(**values)


def _inert(value: Any) -> Any:
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_code(text: str) -> Markup:
    """The text with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(sanitize(text)))))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # which what prints no page does not wait for

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_inert,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _with_code
    environment.globals["pluralize"] = pluralize  # pyright: ignore[reportArgumentType]
    return environment
