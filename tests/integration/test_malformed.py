"""Malformed scenarios as people write them: `agentlab check` says one thing, where it is, and what would be right."""

import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from agentlab_cli.main import main

from agentlab.scenario import unknown
from tests.support.firm import BASE

pytestmark = pytest.mark.usefixtures("workdir")

TASK = '  loan: {prompt: "Help {{client}}.", fields: {client: Bank}}'
AGENTS = "    boss: {system: Lead.}\n    hand: {system: Work.}"
CRITERIA, MEASURE = "    criteria: {focus: {text: Is it focused?}}", "  utility: {judge: quality, criteria: [focus]}"
CONTACTS, CHAIN = "contacts: {boss: [hand], hand: [boss]}", "protocol: {kind: chain, stages: [[boss]]}"
LIMITS = "limits: {rollout: {tokens: 200k}}"
LEVELS = f"    firm: {{}}\n    solo: {{organization: {{cast: [boss], {CHAIN}}}}}"

MALFORMED = [
    # the text itself
    ("  rounds: 4", "\trounds: 4", "16:1", "indent with spaces"),
    ("  rounds: 4", "   rounds: 4", "16:4", "indent it like the lines around it"),
    ("    boss: {system: Lead.}", "    boss: {system: Lead.", "10:11", "close it, or put a comma"),
    ("    boss: {system: Lead.}", "    boss: {system: Lead.}}", "10:26", "remove it"),
    ("    boss: {system: Lead.}", '    boss: {system: "Lead.}', "10:20", "close the quote"),
    ("{system: Lead.}", "{system: 'Lead's.'}", "10:26", "for an apostrophe within"),
    ("{system: Lead.}", "{system: @lead}", "10:20", "quote it"),
    ("{system: Lead.}", "{system: *lead}", "10:20", "quote a text that begins with *"),
    ("{system: Lead.}", "{system: Rule: be kind}", "10:24", "quote a text that holds ': '"),
    ("{system: Lead.}", "\n      system: Rule: be kind", "11:19", "quote a text that holds ': '"),
    ("{system: Lead.}", "{system: Be kind #1, please}", "10:20", "quote the text"),
    ("{system: Lead.}", "{system: [Be, kind # please}", "10:30", "quote a text that holds ' #'"),
    ("{system: Lead.}", "\n      system: Be kind #1 please", "11:15", "quote the text"),
    ("{system: Lead.}", "{system: You are {{agent}}.}", "10:28", "quote a text that holds {"),
    ("{system: Lead.}", "\n      system: {{agent}} leads.", "11:16", "quote a text that holds {{…}}"),
    ("    boss: {system", "    boss {system", "10:5", "write `boss: {…}`, with a colon and a space"),
    ("    boss: {system", "    boss:{system", "10:5", "write `boss: {…}`, with a colon and a space"),
    ("{system: Lead.}", "{system:Lead.}", "10:12", "with a space after the colon"),
    ("draws: 2", "draws = 2", "22:1", "write `key: value`"),
    ("name: firm", "name: on", "2:7", "quote it if it is a text"),
    ("{system: Lead.}", "{system: !file nowhere.md}", "10:20", "known: s.yaml"),
    (f"tasks:\n{TASK}", "tasks: !file nowhere.yaml", "6:8", "known: s.yaml"),
    # names of fields
    ("tasks:", "task:", "6:1", "did you mean 'tasks'?"),
    ("spec: 1", "version: 1", "1:1", "did you mean 'spec'?"),
    ("draws: 2", "samples: 2", "22:1", "did you mean 'draws'?"),
    ("draws: 2", "draws: 2\nrounds: 4", "23:1", "write it under `organization`"),
    ("draws: 2", "draws: 2\ntemperature: 1", "23:1", "write it under `models.NAME`"),
    ("draws: 2", "draws: 2\nonly: [{team: firm}]", "23:1", "did you mean 'exclude'?"),
    ("draws: 2", "draws: 2\naddenda: {x: {text: Be kind., to: task}}", "23:1", "did you mean 'addendum'?"),
    ("{system: Lead.}", "{prompt: Lead.}", "10:12", "did you mean 'system'?"),
    ("{system: Lead.}", "{system: Lead., temperature: 1}", "10:27", "write it under `settings`"),
    ("{client: Bank}}", "{client: Bank}, answer: 3}", "7:62", "did you mean 'target'?"),
    ("    kind: mail", "    type: mail", "13:5", "did you mean 'kind'?"),
    ("    kind: mail", "    kind: chain", "13:11", "write `kind: mail`, or the fields of chain: stages"),
    ("    kind: rubric", "    kind: rubric\n    scale: {min: 0}", "26:13", "did you mean 'low'?"),
    (LIMITS, "limits: {tokens: 200k}", "29:10", "write it under `rollout`"),
    ("sim/chatter", "openai/gpt-4.1, api_key: nothing", "4:35", "did you mean 'api_key_env'?"),
    # what a level patches
    ("firm: {}", "firm: {cast: [boss]}", "20:12", "write it under `organization`"),
    ("firm: {}", "firm: {organization.rounds: 3}", "20:12", "write `organization: {rounds: …}`"),
    ("firm: {}", "firm: plain", "20:11", "such as {organization: {rounds: 5}}; {} changes nothing"),
    ("firm: {}", "firm:", "20:10", "{} changes nothing"),
    (LEVELS, "    - firm\n    - solo", "20:5", "such as {short: {}, long: {organization: {rounds: 5}}}"),
    ("cast: [boss]", "cast: []", "21:33", "at least one entry"),
    ("cast: [boss]", "cast: [bos]", "21:34", "did you mean 'boss'?"),
    (f"cast: [boss], {CHAIN}", "cast: [boss]", "21:33", "add 'hand' to the cast, or give this condition another"),
    ("firm: {}", "firm: {organization: {protocol: {contacts: {boss: [hnd]}}}}", "20:56", "one of boss, hand"),
    ("firm: {}", "firm: {organization: {protocol: {contacts: {hand: null}}}}", "20:55", "a contact for 'hand'"),
    ("firm: {}", "firm: {tasks: {loan: null}}", "20:26", "at least one entry"),
    ("firm: {}", "firm: {tasks: {more: {prompt: x}}}", "20:20", "not add or remove them"),
    ("draws: 2", "exclude: [{team: firm}, {team: solo}]", "22:10", "keep at least one cell"),
    # a list or a text where a mapping belongs, and the other way round
    (AGENTS, "    - boss\n    - hand", "10:5", "such as {checker: {system: You check sums.}}"),
    (TASK, "  - {id: loan, prompt: Hello}", "7:3", "such as {sum: {prompt: What is 2 + 2?}}"),
    (TASK, "  loan: Help the bank.", "7:9", "such as {prompt: What is 2 + 2?}"),
    ("{name: sim/chatter}", "sim/chatter", "4:12", "such as {name: anthropic/claude-opus-4-5}"),
    (CRITERIA, "    criteria: [focus]", "26:15", "such as {clear: {text: Is it clear?}}"),
    (CRITERIA, "    criteria: {focus: Is it focused?}", "26:23", "such as {text: Is it clear?}"),
    (MEASURE, "  - {judge: quality}", "28:3", "such as {utility: {judge: quality}}"),
    ("{ask: Report., agent: boss}", "Report.", "17:12", "such as {ask: Write the report now., agent: boss}"),
    ("    start: [boss]", "    start: boss", "14:12", "such as [boss]"),
    ("draws: 2", "exclude: {team: firm}", "22:10", "write a list, such as [{team: solo"),
    ("draws: 2", "compare: {primary: {team: [firm, solo]}}", "22:27", "such as {team: [firm, solo]}"),
    # values
    ("criteria: [focus]}", "range: [0, 100%]}", "28:40", "without a percent sign"),
    ("draws: 2", "draws: 1e1", "22:8", "write a whole number"),
    (LIMITS, "limits: {run: {cost: $5}}", "29:22", "such as 50 USD"),
    ("sim/chatter", "gpt-4.1", "4:19", "write provider/name"),
    ("sim/chatter", "openai/m, base_url: 'localhost:8000'", "4:39", "must start with http"),
    ("Help {{client}}.", "Help {client}.", "7:18", "write {{client}}"),
    (CRITERIA, "    criteria: {focus: {text: A}, focus: {text: B}}", "26:34", "the first is at s.yaml:26:16"),
    ("criteria: [focus]", "criteria: [focus, focus]", "28:47", "name each of them once"),
    (CONTACTS, "contacts: {hand: [boss]}", "15:15", "add a path to it from an agent that gets the task"),
    # what follows from something else
    ("{ask: Report., agent: boss}", "{question: Report., agent: boss}", "17:13", "did you mean 'ask'?"),
    ("{system: Lead.}", "{system: Lead., model: sim/chatter}", "10:34", "`ALIAS: {name: sim/chatter}`"),
    (CHAIN, "protocol: {stages: [[boss]]}", "21:52", "write `kind: chain` beside it"),
    ("firm: {}", "firm: {organization: {agents: {boss: null}}}", "20:42", "keep it"),
    ("firm: {}", "firm: {models: {default: null}}", "20:30", "keep it, or name another"),
    ("rounds: 4", "rounds: 4\n  stages: [[boss]]", "17:3", "write it under `protocol`"),
    ("start: [boss]", "start: [[boss]]", "14:13", "write a text"),
    ("{{client}}", "{{client}", "7:18", "write {{client}}"),
    ("draws: 2", "compare: {primary: {a: {team: firm vs solo}}}", "22:31", "such as [firm, solo]"),
]  # fmt: skip


def check(text: str, monkeypatch: pytest.MonkeyPatch, name: str = "s.yaml") -> int:
    """The exit code of `agentlab check` for this text."""
    Path(name).write_text(text)
    monkeypatch.setattr(sys, "argv", ["agentlab", "check", name])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


@pytest.mark.parametrize(("old", "new", "place", "right"), MALFORMED)
def test_one_message_says_where_and_what_would_be_right(
    old: str,
    new: str,
    place: str,
    right: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert old in BASE
    assert check(BASE.replace(old, new, 1), monkeypatch) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    assert said[0].startswith(f"s.yaml:{place}: ")
    assert right in said[0].partition("; ")[2]


@pytest.mark.parametrize(
    ("model", "note"),
    [
        ("vllm/m", "base_url: http://HOST:8000/v1"),
        ("sim/replies", 'options: {replies: {"*": {"yes": 0.3, "no": 0.7}}}'),
    ],
)
def test_what_a_model_still_needs_is_noted(
    model: str, note: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VLLM_BASE_URL", raising=False)
    text = BASE.replace("sim/replies", "sim/chatter").replace("name: sim/chatter", f"name: {model}", 1)
    assert check(text, monkeypatch) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"Note: {model} needs ")]
    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize(
    ("old", "above"),
    [("spec: 1\n", ""), ("    boss:", "      "), ("    kind: mail\n", "    "), ("    firm:", "      ")],
)
def test_many_unknown_fields_are_one_message(
    old: str, above: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    searched: list[str] = []
    nearest = unknown.meant

    def counted(name: str, known: Collection[str]) -> str:
        searched.append(name)
        return nearest(name, known)

    monkeypatch.setattr(unknown, "meant", counted)
    block = BASE.replace(" {system: Lead.}", "\n      system: Lead.").replace(" {}", "\n      tasks: {}")
    many = "".join(f"{above}k{i}: 1\n" for i in range(3000))
    at = block.index(old) + len(old)
    at = at if old.endswith("\n") else block.index("\n", at) + 1
    assert check(block[:at] + many + block[at:], monkeypatch) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    assert "unknown fields 'k0', 'k1', 'k2', 'k3', 'k4' and 2,995 more" in said[0]
    assert len(searched) <= 20, "names are compared with every known one for a few only"


HOSTILE = ["\x1b[31mred", "\x1b]8;;http://a.example\x07link", "a\x9b2Jb", "two\nlines: 1:1: fine", "a\u202eb"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_acts_on_is_shown_as_a_sign(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quoted = '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    for old, new in [
        ("draws: 2", f"{quoted}: 2"),
        ("draws: 2", f"draws: {quoted}"),
        ("  loan: {", f"  {quoted}: {{"),
        ("    hand:", f"    {quoted}:"),
        ("[focus]", f"[{quoted}]"),
        ("{system: Work.}", f"{{system: !file {quoted}}}"),
        ("  team:", f"  {quoted}:"),
    ]:
        assert check(BASE.replace(old, new, 1), monkeypatch) == 2
        assert_plain(capsys.readouterr().err)
    assert check("spec: 2", monkeypatch, name=text.replace("/", ":") + ".yaml") == 2
    assert_plain(capsys.readouterr().err)


def assert_plain(said: str) -> None:
    assert said.strip()
    for line in said.splitlines():
        assert line.isprintable(), line
        assert not line.startswith("lines:"), "a message stays on its line"
