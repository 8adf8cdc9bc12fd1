"""The document layer: places, strict scalars, confined includes, and bounded input."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agentlab.errors import Place, ScenarioError
from agentlab.scenario.document import MAX_BYTES, load, read, scalar

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def one(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return one


def found(path: Path) -> list[str]:
    return [str(mistake) for mistake in read(path)[1]]


def test_values_and_keys_know_their_places(write: Write) -> None:
    tree = load(write("a.yaml", "name: firm\nagents:\n  boss: {system: Lead, tools: [a, b]}\n"))
    assert tree.value == {"name": "firm", "agents": {"boss": {"system": "Lead", "tools": ["a", "b"]}}}
    assert tree.places["agents", "boss", "tools", 1] == Place("a.yaml", 3, 35)
    assert tree.keys["agents", "boss"] == Place("a.yaml", 3, 3)
    assert tree.place(("agents", "boss", "model")) == tree.places["agents", "boss"]
    part = tree.at(("agents", "boss"))
    assert part.places["system",] == Place("a.yaml", 3, 18)
    assert part.under(("agents", "boss")).places["agents", "boss", "system"] == Place("a.yaml", 3, 18)


def test_included_content_points_to_its_own_file(write: Write) -> None:
    write("briefs/boss.md", "Lead.\r\nWell.\n")
    write("tasks/all.yaml", "loan:\n  prompt: !file ../briefs/boss.md\n")
    tree = load(write("a.yaml", "tasks: !file tasks/all.yaml\n"))
    assert tree.value == {"tasks": {"loan": {"prompt": "Lead.\nWell.\n"}}}
    assert tree.places["tasks", "loan"] == Place("tasks/all.yaml", 2, 3)
    assert tree.places["tasks", "loan", "prompt"].file == "tasks/../briefs/boss.md"


def test_files_are_shown_as_typed_or_from_the_working_folder(write: Write) -> None:
    path = write("sub/a.yaml", "a: no\n")
    assert found(path.resolve())[0].startswith(f"{Path('sub/a.yaml')}:1:4: a: ")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("../secret.md", "is outside"),
        ("/etc/hostname", "is outside"),
        ("link.md", "is outside"),
        ("brief.md", "did you mean 'briefs.md'?"),
        ("sub", "file not found"),
        ("a.yaml", "includes itself"),
        ("''", "is outside"),
        ("'a\\0b'", "file not found"),
    ],
)
def test_includes_stay_in_the_tree(write: Write, name: str, wrong: str) -> None:
    write("secret.md", "key")
    write("in/briefs.md", "text")
    write("in/sub/x.md", "text")
    Path("in/link.md").symlink_to(Path("secret.md").resolve())
    tree, mistakes = read(write("in/a.yaml", f"ok: 1\ntext: !file {name}\n"))
    assert [str(m.place) for m in mistakes] == ["in/a.yaml:2:7"]
    assert wrong in str(mistakes[0])
    assert tree.value["ok"] == 1


def test_a_circle_of_files_is_refused_and_a_repeat_is_not(write: Write) -> None:
    write("b.yaml", "c: !file c.yaml\n")
    write("c.yaml", "a: !file a.yaml\n")
    assert "includes itself; break the circle" in found(write("a.yaml", "b: !file b.yaml\n"))[0]
    write("leaf.yaml", "x: 1\n")
    assert load(write("d.yaml", "one: !file leaf.yaml\ntwo: !file leaf.yaml\n")).value["two"] == {"x": 1}


def test_all_mistakes_of_all_files_are_told_at_once(write: Write) -> None:
    write("b.yaml", "x: yes\ny: *a\n")
    told = found(write("a.yaml", "a: no\na: 1\nb: !file b.yaml\nc: &x 010\nd: !file nosuch.md\n"))
    assert [line.split(": ")[0] for line in told] == [
        "a.yaml:1:4",
        "a.yaml:2:1",
        "a.yaml:4:4",
        "a.yaml:4:4",
        "a.yaml:5:4",
        "b.yaml:1:4",
        "b.yaml:2:4",
    ]
    assert "the first is at a.yaml:1:1" in told[1]


def test_bombs_are_refused_before_they_are_built(write: Write) -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert "an anchor (&a)" in found(write("laughs.yaml", laughs))[0]
    for opening in ("[", "{a: ", "- "):
        assert found(write("deep.yaml", opening * 100_000)) == [
            f"deep.yaml:1:{41 * len(opening) + 1}: {'[0][0][0]' if 'a' not in opening else 'a.a.a'}: "
            "nested deeper than 40 levels; write a flatter document"
        ]
    for level in range(30):
        write(f"f{level}.yaml", f"a: !file f{level + 1}.yaml\nb: !file f{level + 1}.yaml\n")
    write("f30.yaml", "x: 1\n")
    assert "too many values or included files" in " ".join(found(Path("f0.yaml")))


@pytest.mark.parametrize(
    ("text", "problem", "wrong", "right"),
    [
        ("\ta: 1", "found character that cannot start any token", "a tab", "indent with spaces"),
        ("@: 1", "found character that cannot start any token", "a text that begins with '@'", "quote it"),
        ("a: 1", "mapping values are not allowed in this context", "a second ': ' in one line", "quote a text"),
        ("a: 1", "could not find expected ':'", "a line without ': '", "write `key: value`"),
        ("a: 1", "did not find expected key", "a line that does not fit those above it", "indent it"),
        ("a: 1", "did not find expected '-' indicator", "does not begin with '- '", "all equally indented"),
        ("a: 1", "found unexpected end of stream", "a quote that is never closed", "close the quote"),
        ("a: 1", "said in other words", "said in other words", "write YAML that parses"),
    ],
)
def test_what_the_parser_refuses_is_told_with_a_way_out(
    write: Write, monkeypatch: pytest.MonkeyPatch, text: str, problem: str, wrong: str, right: str
) -> None:
    def refuse(text: str, Loader: object) -> Iterator[yaml.Event]:  # noqa: N803 (the parser's own name)
        yield yaml.StreamStartEvent()
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=yaml.Mark("", 0, 0, 0, None, 0))

    path = write("a.yaml", text)
    monkeypatch.setattr(yaml, "parse", refuse)
    (told,) = found(path)
    assert told.startswith("a.yaml:1:1: ")
    assert wrong in told.partition("; ")[0]
    assert right in told.partition("; ")[2]


def test_a_large_document_is_refused_with_the_way_out(write: Write) -> None:
    path = write("big.yaml", "a: " + "x" * 10_000_000)
    assert found(path) == [
        "big.yaml:1:1: the file is over 2 MB; keep it small: put many tasks in a JSONL file, one per line, and write "
        "`tasks: !file NAME.jsonl`"
    ]
    write("tasks.jsonl", "x" * (MAX_BYTES + 1))
    assert len(load(write("a.yaml", "tasks: !file tasks.jsonl\n")).value["tasks"]) == MAX_BYTES + 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: caf\xe9\n", "a.yaml:1:7: this is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: x\x1b[0m\n", "a.yaml:2:5: control character U+001B; remove it"),
        (b'a: "x\\u0000"\n', "a.yaml:1:4: a: control character U+0000; remove it"),
        (b"", "a.yaml:1:1: the file is empty; write a document"),
        (b"# nothing\n", "a.yaml:1:1: the file is empty; write a document"),
    ],
)
def test_bytes_that_are_no_document(write: Write, data: bytes, message: str) -> None:
    path = write("a.yaml", "")
    path.write_bytes(data)
    assert found(path) == [message]


def test_a_file_that_is_not_there_is_a_scenario_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="No such file"):
        load(tmp_path / "nosuch.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("~", None),
        ("", None),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-3", -3),
        ("a", "a"),
        ("y", "y"),
        ("1.2.3", "1.2.3"),
        ("tRue", "tRue"),
        ("12 USD", "12 USD"),
        ("200k", "200k"),
    ],
)
def test_scalars_of_the_core_schema(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "Yes",
        "ON",
        "off",
        "010",
        "-07",
        "1:30",
        "190:20:30.5",
        "1_000",
        "0b11",
        "2001-12-14",
        ".inf",
        "-.INF",
        ".nan",
        "=",
        "9" * 5000,
        "1e999",
        "0_1",
        "2001-12-14T21:59:43",
    ],
)
def test_surprises_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|quote"):
        scalar(text)


@given(st.text(alphabet="0123456789+-._:eExobinafyNTrul~", min_size=1, max_size=12))
def test_what_yaml_1_1_reads_as_no_text_means_the_same_here_or_is_refused(text: str) -> None:
    try:
        theirs, ours = yaml.safe_load(text), scalar(text)
    except (ValueError, yaml.YAMLError):
        return
    if "---" in text or "..." in text:  # marks of a document, not a value
        return
    assert isinstance(theirs, str | dict | list) or theirs == ours


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_survive(number: int) -> None:
    assert scalar(str(number)) == number
