"""A few lines of a run in which agents talk."""

from pathlib import Path
from textwrap import wrap

from rich.console import Console

from agentlab.analysis.excerpt import Excerpt
from agentlab.text import MARGIN

LINES = 2
"""Of each quote."""


def say_excerpt(console: Console, excerpt: Excerpt, folder: Path) -> None:
    """At most eight lines, the last of which is the command that shows the rest."""

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    say(f"\n{excerpt}")
    for quote in excerpt.quotes:
        say(f"  {quote}")
        for part in wrap(quote.text, console.width - len(MARGIN), max_lines=LINES, placeholder=" …"):
            say(MARGIN + part)
    say(f"All of it: agentlab show {folder} --rollout {excerpt.rollout}")
