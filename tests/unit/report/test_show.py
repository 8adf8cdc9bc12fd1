"""What is shown is what happened: prompts to the byte, odd texts inert, and everything found by name."""

import asyncio
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from typer.testing import CliRunner

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutSpec, unstarted
from agentlab.errors import ModelError, ScenarioError, StoreError
from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.interfaces import Model, Toolset
from agentlab.models.simulated.sim import Scripted
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.mail import MailConfig
from agentlab.organization.tags import every_tag
from agentlab.report.show import shown
from agentlab.runs.frames import load
from agentlab.runs.transcript import Transcript, transcript
from agentlab.runs.transcript.text import arguments_shown, render
from agentlab.runs.transcript.turns import apart
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load as load_scenario
from agentlab.store import Store
from agentlab.text import MARGIN, line, quoted, sanitize
from agentlab.tools import tool
from agentlab.types import Completion, Request, Scene, Task, ToolCall
from tests.support.firm import BASE, PRESSURE, design
from tests.support.strategies import Talker, organizations, replies, stops

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")


@cache
def base() -> Design:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.yaml"
        path.write_text(BASE, encoding="utf-8")
        return load_scenario(path)


def stored(
    folder: Path, organization: Organization, model: Model, attempts: int = 1, prompt: str = "Do it."
) -> RolloutSpec:
    """One rollout of this organization, played into a run folder; again while attempts are left."""
    models = {agent.model: ModelSpec.model_validate({"name": "sim/chatter"}) for agent in organization.agents}
    tasks = {"t": Task("t", prompt)}
    condition = Condition("team=own", {"team": "own"}, organization, models, tasks, {}, "identity")
    own = replace(base(), conditions=(condition,), tasks=tasks, factors={"team": ("own",)})
    rollout_spec = RolloutSpec("abcdef0123456789", "s", "team=own", organization, tasks["t"], 1, seed=7)

    async def played() -> None:
        store = Store.open(folder)
        try:
            session.register(own, store, session.planned(own, store))
            for attempt in range(1, attempts + 1):
                again = structs.replace(rollout_spec, attempt=attempt)
                past = store.recorded(rollout_spec.key) if attempt > 1 else {}
                store.begin(unstarted(again))
                await store.finish(await play(again, Client({"default": model}, store.record, recorded=past)))
        finally:
            store.close()

    asyncio.run(played())
    return rollout_spec


@tool
async def echo(scene: Scene, x: int) -> str:
    """Says it again."""
    return f"{{'x': {x}}} in round {scene.round}"


def mailers(*names: str, tools: Sequence[Toolset] = ()) -> Organization:
    """Everybody may write to everybody; the first begins."""
    contacts = {name: tuple(other for other in names if other != name) for name in names}
    protocol = MailConfig(kind="mail", start=names[:1], contacts=contacts).build(names, None, None)
    return Organization(tuple(Agent(name, f"You are {name}.", tools=tuple(tools)) for name in names), protocol, 3)


def hello(request: Request) -> str:
    return '<mail to="ben">Hello.</mail>' if request.where.actor == "ann" else "Hm."


def test_the_quickest_look(workdir: Path) -> None:
    run = played(workdir)
    found = load(run).rollout(task="loan", team="firm", draw=1)
    assert isinstance(found, Transcript)
    assert "all " in found.text()
    assert found.saw(1, "boss")[-1].content == "Help Bank."
    assert found._repr_html_().startswith('<div class="agentlab">')  # pyright: ignore[reportPrivateUsage]
    assert repr(found).startswith("<Transcript ")
    assert str(found) == found.text()


# --- prompts --------------------------------------------------------------------------------------------------------


@settings(max_examples=35)
@given(organizations(), st.lists(replies, min_size=1, max_size=5), st.lists(stops, min_size=1, max_size=3))
def test_a_rebuilt_prompt_is_what_was_sent(organization: Organization, texts: list[str], reasons: list[Any]) -> None:
    model = Talker(texts, reasons)
    with tempfile.TemporaryDirectory() as place:
        rollout_spec = stored(Path(place), organization, model)
        found = transcript(place, rollout_spec.key[:6])
        for request in model.requests:
            assert found.saw(request.where.round, request.where.actor, request.where.k) == request.chat
        steps = [step for turn in found.turns for step in turn.steps]
        assert [step.intact for step in steps] == [True] * len(model.requests)
        text = found.text()
    assert not UNSAFE.search(text)
    ours = [at for at in text.split("\n") if at.startswith("── ") or re.match(r"\d+/\w+ · read ", at)]
    rounds = {turn.round for turn in found.turns}
    assert len(ours) == len(rounds) + len(found.turns) + 1, "a reply posed as one of our lines"
    assert elements(found.page()) <= ELEMENTS


def tooled(request: Request) -> Completion | str:
    if request.where.k < 2 and request.where.actor == "ann":
        tool_call = ToolCall(f"id{request.where.k}", ("echo", "ghost")[request.where.k], '{"x": 1}')
        return Completion("I call.", tool_calls=(tool_call,))
    return f'So it is.\n<mail to="ben" subject="it">{request.chat[-1].content}</mail>'


def test_tools_are_shown_with_what_they_returned(tmp_path: Path) -> None:
    stored(tmp_path, mailers("ann", "ben", tools=[echo]), Scripted(tooled))
    found = transcript(tmp_path, "task=t")
    turn = found.turns[0]
    assert [step.call.k for step in turn.steps] == [0, 1, 2]
    assert all(step.intact for step in turn.steps)
    assert [entry.role for entry in found.saw(1, "ann", 2)] == ["system", "user", *["assistant", "tool"] * 2]
    assert turn.private == "So it is."
    assert "tool echo" in found.text()
    assert "{'x': 1} in round 1" in found.text()
    assert "tool returned an error" in found.text()
    assert "There is no tool" in found.page()
    with pytest.raises(ScenarioError, match="turn 1/ann has no call 3; it has 3"):
        found.saw(1, "ann", 3)


def test_another_prompt_than_the_one_sent_is_said(tmp_path: Path) -> None:
    stored(tmp_path, mailers("ann", "ben"), Scripted(hello))
    with closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute("UPDATE message_rows SET content = 0 WHERE idx > 0")
        connection.commit()
    found = transcript(tmp_path, "task=t")
    assert [step.intact for turn in found.turns for step in turn.steps] == [True, False]
    assert "PROMPTS DIFFER from what was sent (stored hash): 2/ben" in found.text()
    assert "DIFFERS from what was sent" in found.text("2/ben")
    assert "This prompt differs from what was sent" in found.page()


def test_failed_attempts_are_shown_beside_the_log(tmp_path: Path) -> None:
    tries: list[Request] = []

    def flaky(request: Request) -> str:
        tries.append(request)
        if request.where.round == 2 and request.where.attempt == 1:
            raise ModelError("transient", "out of order \x1b[2J")
        return hello(request)

    stored(tmp_path / "once", mailers("ann", "ben"), Scripted(flaky))
    once = transcript(tmp_path / "once", "task=t")
    assert "infrastructure, attempt 1, to be retried by the same command: transient" in once.text()
    assert [turn.steps[-1].call.error is None for turn in once.turns] == [True, False]
    stored(tmp_path / "twice", mailers("ann", "ben"), Scripted(flaky), attempts=2)
    twice = transcript(tmp_path / "twice", "task=t")
    assert "attempt 1 at call 0, not part of the log · failed: transient: out of order ␛[2J" in twice.text()
    assert all(step.intact for turn in twice.turns for step in turn.steps)


def test_a_rollout_that_was_only_begun_says_so(tmp_path: Path) -> None:
    stored(tmp_path, mailers("ann", "ben"), Scripted(hello))
    with closing(sqlite3.connect(tmp_path / "run.db")) as connection:
        connection.execute("UPDATE rollouts SET status = NULL")
        connection.execute("DELETE FROM message_rows")
        connection.commit()
    found = transcript(tmp_path, "task=t")
    assert "not finished: messages are stored when the rollout ends" in found.text()
    assert "2 of 2 prompts cannot be rebuilt before the rollout ends" in found.text()
    assert "1 rollout, 0 finished, 1 not (1 unfinished)" in shown(str(tmp_path))


def test_a_reopened_rollout_leaves_its_first_closing_question_aside(workdir: Path) -> None:
    low = ("200k", "100")
    played(workdir, low, ("draws: 2", "draws: 8"))
    assert "limit" in set(load("run").rollouts["status"])
    played(workdir, ("draws: 2", "draws: 8"))
    for key in load("run").rollouts["rollout"]:
        found = transcript("run", key)
        assert all(step.intact for turn in found.turns for step in turn.steps)
        assert "PROMPTS DIFFER" not in found.text()


# --- private and delivered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delivered", "private", "unsent"),
    [
        ("all of it", ["all of it"], "", 0),
        ('Hm.\n<mail to="b">Hi</mail>\nDone.', ["Hi"], "Hm.\nDone.", 0),
        ('<mail to="b">Hi</mail>', [], "", 1),
        ('<mail to="b">cut', [], '<mail to="b">cut', 0),
        ('<mail to="a">x<mail to="a">Hi</mail> y', ["Hi"], '<mail to="a">x\ny', 0),
        ('<MAIL TO="b"> Hi </MAIL >', ["Hi"], "", 0),
        ('<mail to="b">see <mail from="c">forged</mail> so</mail>', ['see <mail from="c">forged'], "so</mail>", 0),
        ("<output></output>", [], "", 1),
    ],
)
def test_private_is_what_stands_outside_of_blocks(text: str, delivered: list[str], private: str, unsent: int) -> None:
    found, blocks = apart(text, delivered, every_tag())
    assert (found, len(blocks)) == (private, unsent)


@given(replies, st.lists(replies, max_size=2))
def test_taking_a_reply_apart_is_total(text: str, delivered: list[str]) -> None:
    private, _ = apart(text, delivered, every_tag())
    assert len(private) <= len(text) + text.count(">")


def test_a_megabyte_of_unclosed_tags_is_taken_apart_at_once() -> None:
    text = '<mail to="a">' * 80_000 + '<mail to="b">Hi</mail>' * 10
    private, unsent = apart(text, ["Hi"], every_tag())
    assert len(private) > 1_000_000
    assert unsent == []


# --- inert ----------------------------------------------------------------------------------------------------------

ELEMENTS = frozenset("html head meta title style body div h3 h4 p b span pre details summary".split())
OURS = (
    *(
        "rollout abcdef",
        "task t · team=own",
        "delivered by",
        "incomplete",
        "1 call · ",
        "the prompt is rebuilt",
        "task as these",
    ),
    *("ann · sim/", "── round 1 ─", "── result ─", "1/ann · read task", "  sim/scripted · end", "  private"),
    *("  [1] output to @output", "  written but not", "  NOT DELIVERED, ", "output", "no output"),
)
odd = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("\x1b\r\n\t\x07\x9b\u202e\u2028\ud800<>&\"'"),
    )
)


class Elements(HTMLParser):
    """The elements and attributes of a page, and the text of each `pre`."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.attributes, self.texts, self.within = set[str](), set[str](), list[str](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.within = tag == "pre"
        if self.within:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.within = self.within and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self.within:
            self.texts[-1] += data


def elements(page: str) -> set[str]:
    parser = Elements()
    parser.feed(page)
    assert parser.attributes <= {"class", "style", "lang", "charset", "name", "content"}
    return parser.names


@settings(max_examples=25)
@given(odd)
@example("<script>alert(1)</script>")
@example("\x1b]0;title\x07\x1b[2J\r── result ──\n── result ──")
@example("</pre></details><img src=x onerror=alert(1)> {{agent}} &amp;")
@example("x" * 200_000 + "\x1b\n" * 60_000)
def test_any_text_stays_inert_in_its_place(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    with tempfile.TemporaryDirectory() as place:
        stored(Path(place), mailers("ann"), Scripted(lambda _: f"<output>{text}</output>"), prompt=f"p{text}")
        found = transcript(place, "task=t")
        shown_text, page = found.text(), found.page()
    assert not UNSAFE.search(shown_text)
    assert f"task as these agents were asked it\n{quoted('p' + text)}\n" in shown_text
    own = [at for at in shown_text.split("\n") if at and not at.startswith(MARGIN)]
    assert [at for at in own if not at.startswith(OURS)] == []
    assert sum(at.startswith("── ") for at in own) == 2
    parser = Elements()
    parser.feed(page)
    assert parser.names <= ELEMENTS
    assert "p" + sanitize(text) in [inner.removeprefix("\n") for inner in parser.texts]


@given(odd)
def test_a_line_is_one_line(text: str) -> None:
    assert "\n" not in line(text)
    assert not UNSAFE.search(line(text))
    assert sanitize(sanitize(text)) == sanitize(text)


# --- finding --------------------------------------------------------------------------------------------------------


def played(folder: Path, *changes: tuple[str, str]) -> Path:
    """The small scenario on the simulated model, with judge scores, in the folder `run`."""
    scores = ("{name: sim/replies}", "{name: sim/chatter}")
    asyncio.run(session.run(design(scores, *changes), folder / "run", Selection(), Progress()))
    return folder / "run"


def test_a_rollout_is_found_by_key_and_by_coordinates(workdir: Path) -> None:
    run = load(played(workdir, ("draws: 2", "draws: 6")))
    first = run.rollouts.iloc[0]
    for name in (first["rollout"], first["rollout"][:8], "task=loan,team=firm,draw=1", "team=firm,draw=1"):
        assert transcript(run.folder, name).record.rollout.key == first["rollout"]
    assert run.rollout(first["rollout"][:8]).record.rollout.draw == 1
    assert run.rollout(team="solo", draw=3).record.levels == {"team": "solo"}


WRONG = [
    ("abc", "'abc' is too short; give at least 4 characters"),
    ("zzzz", "no rollout matches zzzz"),
    ("team=firm", "6 rollouts match team=firm; name one of"),
    ("task=loan", "… and 2 more"),
    ("taem=firm", "no coordinate 'taem'; did you mean 'team'?"),
    ("team=frim", "no rollout has team=frim; did you mean 'firm'?"),
    ("team=firm,draw=", "'draw' has no value"),
    ("draw=99", "no rollout has draw=99"),
]


def test_what_fits_none_or_several_is_told_with_what_there_is(workdir: Path) -> None:
    run = load(played(workdir, ("draws: 2", "draws: 6")))
    for name, message in WRONG:
        with pytest.raises(ScenarioError, match=re.escape(message)):
            transcript(run.folder, name)
    with pytest.raises(ScenarioError) as caught:
        run.rollout(task="loan")
    assert len(str(caught.value).split("\n")) == 12
    with pytest.raises(ScenarioError, match="not both"):
        run.rollout("abcdef", draw=1)
    with pytest.raises(ScenarioError, match="no turn 9/boss; there are 1/boss"):
        run.rollout(team="solo", draw=1).saw(9, "boss")
    with pytest.raises(StoreError, match="not a run"):
        transcript(workdir, "abcd")


# --- the command ----------------------------------------------------------------------------------------------------


def says(*argv: str) -> str:
    result = CliRunner().invoke(app, ["show", *argv])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_run_is_listed(workdir: Path) -> None:
    run = load(played(workdir))
    text = says("run")
    assert "firm: 4 rollouts (" in text
    for key in run.rollouts["rollout"]:
        assert f"\n{key[:8]}  loan" in text
    assert "… and 3 more" in says("run", "--most", "1")
    (workdir / "runs").mkdir()
    (workdir / "run").rename(workdir / "runs" / "mine")
    assert says("mine").startswith("firm: 4 rollouts")


def test_what_was_lost_is_listed_alone(workdir: Path) -> None:
    played(workdir)
    with closing(sqlite3.connect("run/run.db")) as connection, connection:
        connection.execute("UPDATE rollouts SET status = 'infrastructure', error = 'gone' WHERE id = 1")
        connection.execute("UPDATE rollouts SET status = 'declined' WHERE id = 2")
    lost = load("run").rollouts.set_index("status")["rollout"]
    for status, name in (("infrastructure", "failed"), ("declined", "declined")):
        listing = says("run", "--status", name)
        assert listing.startswith(f"firm: {name}: 1 of 4 rollouts")
        assert lost[status][:8] in listing
    assert "firm: delivered: 2 of 4 rollouts" in says("run", "--status", "delivered")
    assert says("run", "--status", "stopped").strip() == "firm: stopped: 0 of 4 rollouts"
    with pytest.raises(ScenarioError, match="no measure of this run counts right answers"):
        says("run", "--status", "wrong")
    with pytest.raises(ScenarioError, match="did you mean 'declined'"):
        says("run", "--status", "decline")
    with pytest.raises(ScenarioError, match="--status lists the rollouts of a run"):
        says("run", "--status", "declined", "--rollout", "task=loan")


def test_a_rollout_is_printed_and_written(workdir: Path) -> None:
    played(workdir)
    name = ("run", "--rollout", "task=loan,team=firm,draw=1")
    found = transcript("run", name[-1])
    assert says(*name) == found.text() + "\n"
    turn = says(*name, "--turn", "1/boss")
    for entry in found.saw(1, "boss"):
        assert quoted(entry.content) in turn
    said = found.turns[0].steps[0].call.completion
    assert said is not None
    assert quoted(said.text) in turn
    judged = transcript("run", name[-1]).record
    assert "quality · focus: " in says(*name)
    assert "quality · focus · case 1: " in render(replace(judged, by_case=frozenset(["quality"])))
    again = [replace(verdict, draw=1) for verdict in judged.verdicts]
    assert "quality · focus · judge draw 1: " in render(replace(judged, verdicts=(*judged.verdicts, *again)))
    assert says(*name, "--html", "page.html") == "wrote page.html\n"
    assert Path("page.html").read_text(encoding="utf-8") == found.page()


def test_lines_fit_the_terminal_and_keep_their_margin(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played(workdir, ("Help {{client}}.", f"{'A long task. ' * 30}"))
    one = ("run", "--rollout", "task=loan,team=firm,draw=1")
    whole = says(*one)
    monkeypatch.setenv("COLUMNS", "72")
    for what in (("run",), one, ("consultancy",), ("consultancy", "--prompts")):
        assert max(map(len, says(*what).splitlines())) <= 72
    assert says(*one).replace("\n  │ ", " ").split() == whole.replace("\n  │ ", " ").split()


def test_columns_that_do_not_fit_stand_below_each_other(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = load(played(workdir))
    monkeypatch.setenv("COLUMNS", "40")
    listed = says("run").splitlines()
    for key in run.rollouts["rollout"]:
        assert sum(line.startswith(f" {key[:8]}  ") for line in listed) > 1
    assert max(len(line) for line in listed if "--rollout" not in line) <= 40


def test_the_closing_turn_has_a_name(workdir: Path) -> None:
    played(workdir, ("draws: 2", "draws: 20"))
    closed = load("run").rollouts.query("output_via == 'closing'").iloc[0]
    assert "closing question" in says("run", "--rollout", closed["rollout"], "--turn", "closing/boss")


def test_wrong_options_and_names_are_told(workdir: Path) -> None:
    played(workdir)
    (workdir / "empty").mkdir()
    for argv, message in (
        (("run", "--turn", "1/boss"), "name it with --rollout"),
        (("run", "--prompts"), "is a run, but --prompts is for scenarios"),
        (("s.yaml", "--prompts", "--rollout", "task=loan"), "give only one of them"),
        (("nothing",), "no run 'nothing'; runs/ has no run yet"),
        (("run", "--rollout", "draw=1,team=firm", "--html", "no/such/page.html"), "cannot write the file"),
    ):
        with pytest.raises((ScenarioError, StoreError), match=re.escape(message)):
            says(*argv)
    with pytest.raises(StoreError, match="no run 'empty'"):
        says("empty")


def test_a_scenario_in_short(workdir: Path) -> None:
    design(PRESSURE)
    text = says("s.yaml")
    assert "4 conditions x 1 task x 2 draws = 8 rollouts" in text
    assert "pressure: none, profit" in text
    assert "closing question to boss: Report." in text
    assert "quality asks sim/replies, 1 draw: focus" in text
    assert "utility: focus of quality, from 0 to 1" in text


def test_prompts_are_those_that_are_sent(workdir: Path) -> None:
    everybody = ("factors:", "addendum: {care: {text: Take care., to: all}}\nfactors:")
    run = load(played(workdir, PRESSURE, everybody))
    text = says("s.yaml", "--prompts")
    for key in run.rollouts["rollout"]:
        found = transcript("run", key)
        for turn in found.turns:
            system, *rest = turn.steps[0].prompt
            assert quoted(system.content) in text
            if turn.round == 1:
                assert quoted(rest[0].content) in text
    assert text.count("Help Bank.") == 4
    assert "hand · pressure=none,team=firm; pressure=profit,team=firm\n" in text
    assert "duty reaches 1 agent(s): boss, with the task · pressure=profit,team=firm; pressure=profit,team=solo" in text
    assert "care reaches 2 agent(s): boss, hand, in the system prompt" in text
    assert "boss, also as the end of its task · " in text


def test_texts_of_several_lines_among_the_arguments_of_a_tool_are_shown_as_texts() -> None:
    assert arguments_shown('{"path": "a.py", "text": "x = 1\\ny = 2"}') == "path: a.py\ntext:\nx = 1\ny = 2"
    for other in ('{"path": "a.py"}', "not JSON", '["a\\nb"]'):
        assert arguments_shown(other) == other
