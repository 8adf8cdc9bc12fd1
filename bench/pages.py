"""What README and the pages of docs/ show, as it can be run: files, commands with what they print, and Python.

A page is read from top to bottom as one session in one folder:

    a block with a title       is written to the file of that name
    console                    `$ agentlab …` is run; what stands below it is what it prints. A line `…` leaves some out
    bash                       every `agentlab …` is run
    python                     is run; later blocks know its names
    <!-- $ agentlab … -->      is run, and not shown to readers

`python bench/pages.py --write` runs the pages and writes anew what the commands of their console blocks print. It also
writes the reference of the YAML files.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import io
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from bench.yaml_reference import reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
BLOCK = re.compile(
    r'^```(?P<language>\w+)?(?: +title="(?P<title>[^"]+)")?[^\n]*\n(?P<text>.*?)^```$|^<!-- \$ (?P<hidden>[^\n]+) -->$',
    re.MULTILINE | re.DOTALL,
)
PROMPT = "$ "
OMITTED = "…"
"""A line that stands for any number of lines."""
PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
"""The environment of a terminal that is 100 columns wide and has no colors."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page. `hidden` is a command that readers do not see."""

    page: Path
    line: int
    language: str
    title: str
    text: str
    hidden: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block, with the lines that stand below it."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> tuple[str, ...]:
        """What a reader sees; of what goes to stderr only errors, since progress depends on the machine."""
        text = self.out + (self.err if self.code else "")
        return tuple(line.rstrip() for line in text.strip("\n").split("\n"))


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        parts = (match["language"] or "", match["title"] or "", match["text"] or "", match["hidden"] or "")
        yield Block(page, line, *parts)


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block."""
    command, shown = "", list[str]()
    for line in block.text.rstrip("\n").split("\n"):
        if line.startswith(PROMPT):
            if command:
                yield Step(command, tuple(shown))
            command, shown = line.removeprefix(PROMPT), []
        else:
            shown.append(line)
    if command:
        yield Step(command, tuple(shown))


def commands(block: Block) -> Iterator[str]:
    """The `agentlab` commands of a bash block."""
    for line in block.text.replace("\\\n", " ").split("\n"):
        if line.startswith("agentlab "):
            yield line


def words(command: str) -> list[str]:
    """The arguments of a command, without a comment behind it."""
    return shlex.split(command, comments=True)[1:]


def type_in(command: str) -> Printed:
    """Runs a command in this process and the working directory."""
    from agentlab_cli.main import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.dict(os.environ, PLAIN),
        patch.object(sys, "argv", ["agentlab", *words(command)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Printed(code, out.getvalue(), err.getvalue())


def as_shown(printed: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...]:
    """What was printed, with as many lines left out as the page leaves out."""
    if OMITTED not in shown:
        return printed
    before = shown.index(OMITTED)
    after = len(shown) - before - 1
    if before + after >= len(printed):
        return printed
    return (*printed[:before], OMITTED, *printed[len(printed) - after :])


def rewritten(page: Path) -> str:
    """The page with what its commands print now."""
    text = page.read_text(encoding="utf-8")
    shown = list(blocks(page))
    if all(block.language != "console" for block in shown):
        return text
    for block in shown:
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.hidden:
            type_in(block.hidden)
        elif block.language == "console":
            made = list[str]()
            for step in steps(block):
                made += [PROMPT + step.command, *as_shown(type_in(step.command).lines, step.shown)]
            text = text.replace(block.text, "\n".join(made) + "\n", 1)
    return text


def main() -> None:
    """Writes the pages anew, or names those that would change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("pages", nargs="*", type=Path)
    given = parser.parse_args()
    pages = [path.resolve() for path in given.pages] or PAGES
    if len(pages) > 1:  # a process remembers the modules of a page's folder, and two pages may write one of a name
        for page in pages:
            subprocess.run([sys.executable, __file__, *(["--write"] if given.write else []), str(page)], check=True)
        return
    page = pages[0]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        text = reference().get(page.name) or rewritten(page)
    if text != page.read_text(encoding="utf-8"):
        print(f"{page.name} {'is written anew' if given.write else 'would change'}")
        if given.write:
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
