"""Patches: what is said wins, nothing else moves, and every value keeps the place of its supplier."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from agentlab.errors import Place
from agentlab.scenario.document import Keys, Tree, clashes, dotted, patch

NAMES = st.sampled_from(["a", "b", "c", "d"])
LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
DOCUMENTS = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=3),
    lambda inner: st.dictionaries(NAMES, st.one_of(LEAVES, inner), max_size=3),
)
PATCHES = st.recursive(
    st.dictionaries(NAMES, st.one_of(st.none(), LEAVES), max_size=3),
    lambda inner: st.dictionaries(st.one_of(NAMES, st.just("kind")), st.one_of(st.none(), LEAVES, inner), max_size=3),
)


def mapping(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def tree(value: Any, file: str) -> Tree:
    places: dict[Keys, Place] = {}

    def walk(item: Any, path: Keys) -> None:
        places[path] = Place(file, 1, 1)
        for key, under in mapping(item).items():
            walk(under, (*path, key))

    walk(value, ())
    return Tree(value, places, places)


def leaves(value: Any, path: Keys = ()) -> dict[Keys, Any]:
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key, item in mapping(value).items() for k, v in leaves(item, (*path, key)).items()}


@given(DOCUMENTS)
def test_an_empty_patch_changes_nothing(value: Any) -> None:
    base = tree(value, "base")
    assert patch(base, tree({}, "level")) == base


@given(DOCUMENTS, PATCHES)
def test_a_patch_wins_where_it_speaks_and_nowhere_else(value: Any, change: Any) -> None:
    result = patch(tree(value, "base"), tree(change, "level"))
    told = leaves(change)
    for path, leaf in leaves(result.value).items():
        assert result.place(path).file == ("level" if path in told else "base")
        assert leaf == (told[path] if path in told else leaves(value)[path])
    for path, leaf in told.items():
        assert (path in leaves(result.value)) == (leaf is not None)


@given(DOCUMENTS, PATCHES)
def test_a_patch_twice_is_a_patch_once(value: Any, change: Any) -> None:
    once = patch(tree(value, "base"), tree(change, "level"))
    assert patch(once, tree(change, "level")).value == once.value


def test_null_removes_and_is_remembered() -> None:
    result = patch(tree({"a": {"b": 1, "c": 2}}, "base"), tree({"a": {"b": None}}, "level"))
    assert result.value == {"a": {"c": 2}}
    assert result.place(("a", "b")).file == "level"
    assert result.place(("a", "x")).file == "base"


def test_a_kind_replaces() -> None:
    base = tree({"protocol": {"kind": "mail", "start": ["a"]}}, "base")
    assert patch(base, tree({"protocol": {"kind": "chain", "stages": []}}, "level")).value == {
        "protocol": {"kind": "chain", "stages": []}
    }
    assert patch(base, tree({"protocol": {"start": ["b"]}}, "level")).value["protocol"]["kind"] == "mail"


@given(PATCHES, PATCHES)
def test_patches_that_do_not_clash_may_come_in_any_order(one: Any, two: Any) -> None:
    first, second, base = tree(one, "one"), tree(two, "two"), tree({"a": {"b": 1}, "c": 2}, "base")
    if not clashes(first, second):
        assert patch(patch(base, first), second).value == patch(patch(base, second), first).value


def test_a_clash_names_both_places() -> None:
    told = clashes(tree({"a": {"b": 1}}, "one"), tree({"a": None}, "two"))
    assert [(dotted(path), a.file, b.file) for path, a, b in told] == [("a.b", "one", "two")]
