"""README and the pages of docs/: what they show runs, prints what stands below it, and leads somewhere."""

import ast
import asyncio
import inspect
import json
import re
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from agentlab_cli.main import app
from typer.main import get_command

from agentlab.analysis.registry import ANALYSES
from agentlab.errors import SandboxError
from agentlab.models.providers import local
from agentlab.models.simulated import chatter
from agentlab.models.simulated.sim import Sim
from agentlab.models.spec import ModelSpec
from agentlab.runs.frames import load
from agentlab.scenario.document.read import LOADER
from agentlab.scenario.json_schema import scenario_schema
from agentlab.tools.sandbox.detect import sandbox
from bench.pages import DOCS, PAGES, ROOT, Block, as_shown, blocks, commands, steps, type_in, words
from bench.yaml_reference import anchor, reference

FRAGMENTS = ("extending.md",)
"""Pages whose Python goes into agentlab itself; tests of their own add it there."""
GENERATED = ("known_truth.md", "calibration.md", "techniques.md", "adversarial.md")
"""Pages whose commands take a minute or more. `make truth`, `make calibration` and `make pages` write them."""
UNRUN = re.compile(
    r"\b(?:anthropic|openai|vllm)/|\b[A-Z]{2,}\b|^agentlab (?:report|stats) \S+$|--html|--svg|--base-url"
    r"|\b(?:shell|asking|software\w*|loans|with_server)\b"
)
"""Commands that need a key, a sandbox, a server or something filled in, and slow ones that other tests run."""
BOXED = re.compile(r"\b(?:shell|asking)\b")
"""Commands that need a sandbox and no key."""
CLOCK = re.compile(r"\b\d+\.\d s\b")

COMMAND = get_command(app)
"""`agentlab`, made once."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture
def simulated(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The embedded model answers at once."""

    def build(spec: ModelSpec) -> Sim:
        return Sim(spec.name, chatter.reply)

    monkeypatch.setattr(local, "build", build)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return workdir


def bare(command: str) -> str:
    """A command without the comment behind it."""
    return re.sub(r"\s+#.*", "", command)


def typed(page: Path) -> list[tuple[str, str]]:
    """Every command of a page, with its place."""
    found = list[tuple[str, str]]()
    for block in blocks(page):
        if block.language == "bash":
            found += [(block.place, command) for command in commands(block)]
        elif block.language in ("console", "text"):
            found += [(block.place, step.command) for step in steps(block) if step.command.startswith("agentlab ")]
    return found


@each_page
def test_every_command_is_one_with_these_options(page: Path) -> None:
    """An option that is unknown is found before help is printed."""
    for place, command in typed(page):
        try:
            with redirect_stdout(StringIO()):
                code = COMMAND.main([*words(bare(command)), "--help"], "agentlab", standalone_mode=False)
        except Exception as error:
            pytest.fail(f"{place}: {command}\n{error}")
        assert code == 0, f"{place}: {command}"


@each_page
def test_every_analysis_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"stats (?:RUN|runs/\w+) ([a-z]\w*)", page.read_text(encoding="utf-8"))
    assert set(named) - {"words"} <= set(ANALYSES), "`words` is the example of extending.md"


@each_page
def test_what_a_page_shows_runs(page: Path, simulated: Path) -> None:
    if page.name in GENERATED:
        pytest.skip("its commands take minutes: make truth, make calibration, make pages")
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.hidden:
            ran(block, block.hidden)
        elif block.language == "bash":
            for command in commands(block):
                if not UNRUN.search(bare(command)):
                    ran(block, command)
        elif block.language == "console":
            prints(block)
        elif block.language == "python" and page.name not in FRAGMENTS:
            execute(block, names)
        elif block.language == "yaml":
            known(block)
        elif block.language == "json":
            [json.loads(line) for line in block.text.splitlines()]


@pytest.mark.process
@pytest.mark.parametrize(("page", "shows"), [("teams", "2 data/facts.csv"), ("tools", "a program asked")])
def test_what_a_page_runs_in_the_sandbox_does_what_it_says(page: str, shows: str, simulated: Path) -> None:
    try:
        asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))
    printed = list[str]()
    for block in blocks(DOCS / f"{page}.md"):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "bash":
            printed += [ran(block, command) for command in commands(block) if BOXED.search(bare(command))]
    assert shows in printed[-1]


@pytest.mark.process
def test_what_a_page_runs_with_a_server_uses_its_tool(simulated: Path) -> None:
    for block in blocks(DOCS / "tools.md"):
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "bash":
            [ran(block, command) for command in commands(block) if "with_server" in bare(command)]
    assert load("runs/with_server").calls["tool_results"].astype("bool").any()


def ran(block: Block, command: str) -> str:
    made = type_in(command)
    assert made.code == 0, f"{block.place}: {command}\n{made.err}"
    return made.out


def prints(block: Block) -> None:
    for step in steps(block):
        made = as_shown(type_in(step.command).lines, step.shown)
        assert [CLOCK.sub("0.0 s", line) for line in made] == [CLOCK.sub("0.0 s", line) for line in step.shown], (
            f"{block.place}: {step.command} prints something else by now: make pages"
        )


def execute(block: Block, names: dict[str, Any]) -> None:
    """Runs Python as a notebook does."""
    code = compile(block.text, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        result = eval(code, names)
        if inspect.iscoroutine(result):
            asyncio.run(result)


def known(block: Block) -> None:
    """A piece of a scenario has sections that scenarios have."""
    piece = yaml.load(block.text, LOADER)
    assert set(piece) <= set(scenario_schema()["properties"]), block.place


def test_every_page_is_in_the_navigation_and_in_llms_txt() -> None:
    pages = {page.name for page in DOCS.glob("*.md")}
    named = re.findall(r": (\w+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(pages)
    listed = re.findall(r"\]\((\w+)\.html\)", (DOCS / "llms.txt").read_text(encoding="utf-8"))
    assert sorted(f"{name}.md" for name in listed) == sorted(pages)


def test_every_page_is_reached_from_readme() -> None:
    linked = set(re.findall(r"\]\(docs/(\w+\.md)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in DOCS.glob("*.md")} <= linked


def test_nothing_is_fetched_from_elsewhere() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "http" not in settings
    assert "font: false" in settings
    pinned = (DOCS / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in pinned
    assert all("--hash" in entry for entry in re.split(r"\n(?=\w)", pinned)[1:])


@pytest.mark.parametrize("name", reference())
def test_the_reference_of_the_yaml_files_is_current(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == reference()[name], "make pages"
    headings = {anchor(heading) for heading in re.findall(r"^## (.+)$", written, re.MULTILINE)}
    assert set(re.findall(r"\(#([\w-]+)\)", written)) <= headings


def test_the_glossary_is_in_order() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\*", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert terms == sorted(terms, key=str.casefold)
