"""What is wrong with a program before it runs: variables, verbs, bounds, agents, readers, functions."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from agentlab.answers.pattern import pattern_problem
from agentlab.organization.cascade import conditions, functions, values
from agentlab.organization.cascade.fields import OWNERS, READERS, VERBS, As, Step
from agentlab.organization.cascade.program import read_by_field
from agentlab.organization.declaration import Flaw
from agentlab.text import pluralize

Path = tuple[str | int, ...]
GIVEN = ("task", "target")
"""Variables that every program has."""


@dataclass(slots=True)
class Checker:
    """Goes through the steps in order, with the variables that have a value there."""

    cast: tuple[str, ...]
    known: dict[str, None]
    """Variables so far, in order."""
    later: frozenset[str]
    """All variables that some step gives a value."""
    asked: set[str] = field(default_factory=set[str])
    """Agents that some step asks."""

    def steps(self, steps: Mapping[str, Step], path: Path) -> Iterator[Flaw]:
        for name, step in steps.items():
            here = (*path, name)
            if not name.isidentifier() or name in GIVEN:
                right = "a name of letters, digits, and _ that does not begin with a digit and is not task or target"
                yield here, f"the step name {name!r} cannot be used", right
            if len(step.verbs) != 1:
                merged = "; a level that replaces a step sets what it has to null, as in `sample: null`"
                yield here, _verbs(step), f"exactly one of {', '.join(VERBS)}{merged if step.verbs else ''}"
                self.known[name] = None  # so that no later step is blamed for it
            else:
                yield from self._step(name, step, here)

    def variables(self, read: Iterable[str], where: Path, itself: str | None = None) -> Iterator[Flaw]:
        """A mistake for each name that has no value here."""
        for name in dict.fromkeys(read):
            if name in self.known or name == itself:
                continue
            if name in self.later:
                right = "a step before this one that gives it a value, such as `" + name + ': {set: ""}`'
                yield where, f"the variable {name!r} has no value yet: its step comes later", right
            else:
                yield where, f"unknown variable {name!r}", _known(name, self.known)

    def _step(self, name: str, step: Step, here: Path) -> Iterator[Flaw]:
        verb = step.verb
        for other, owners in OWNERS.items():
            if step.has(other) and verb not in owners:
                yield (
                    (*here, other),
                    f"`{other}` cannot be used with `{verb}`",
                    f"`{other}` only with {' or '.join(owners)}",
                )
        for word in ("when", "until", "reject"):
            yield from (
                ((*here, word, *at), wrong, right) for at, wrong, right in conditions.flaws(getattr(step, word))
            )
        yield from self.variables(conditions.read_by(step.when), (*here, "when"))
        for place, read in read_by_field(step):
            itself = name if verb == "set" and step.over is not None and place == "set" else None
            yield from self.variables(read, (*here, place), itself)
        if isinstance(step.as_, As) and verb != "sample":
            yield from _reader(step.as_, (*here, "as"), verb)
        if verb in ("loop", "do"):
            yield from self._block(name, step, here)
        elif verb == "sample":
            yield from self.question(step, here)
        else:
            yield from _PLAIN[verb](step, here)
        if verb not in ("do", "factor", "reject"):
            self.known[name] = None

    def _block(self, name: str, step: Step, here: Path) -> Iterator[Flaw]:
        """A loop or a group, with the steps inside it. A condition to end a loop reads what its steps gave a value."""
        if step.verb == "do":
            yield from self.steps(step.inner, (*here, "do"))
            return
        if step.most is None and step.over is None:
            yield here, "a loop without a bound", "`most: 10`, or `over:` a list"
        if name in values.names(step.over):
            yield (*here, "over"), f"the loop {name!r} goes over a list that its first item replaces", "another name"
        self.known[name] = None
        yield from self.steps(step.inner, (*here, "loop"))
        yield from self.variables(conditions.read_by(step.until), (*here, "until"))

    def question(self, step: Step, here: Path) -> Iterator[Flaw]:
        """What is wrong with a `sample` step beside the variables that it reads."""
        if isinstance(step.as_, As):
            yield from _reader(step.as_, (*here, "as"), "sample")
        self.asked.add(step.by or "")
        if step.by is None:
            yield here, "'by' is missing", f"`by:` and one of {', '.join(self.cast)}"
        elif step.by not in self.cast:
            yield (*here, "by"), f"no agent {step.by!r} in the cast", _known(step.by, self.cast)
        scored = isinstance(step.as_, As) and step.as_.by == "likelihood"
        if step.times > 1 and (step.tries > 1 or scored):
            other = "tries" if step.tries > 1 else "as"
            wrong = f"`times` cannot be used with `{'by: likelihood' if scored else other}`"
            yield (*here, "times"), wrong, "only one of them"
        if step.has("observe"):
            for other in ("times", "tries", "unparsed"):
                if step.has(other):
                    wrong = f"`{other}` cannot be used with `observe`, which fixes the value of the reply"
                    yield (*here, other), wrong, "only one of them"
            yield from _observed(step, here)


def _verbs(step: Step) -> str:
    return f"{' and '.join(step.verbs)} in one step" if step.verbs else "a step without a verb"


def _known(name: str, known: Collection[str]) -> str:
    """The nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{near[0]!r}, if you meant that" if near else f"one of {', '.join(known)}"


def _observed(step: Step, here: Path) -> Iterator[Flaw]:
    """An observed value is one that the step can have."""
    literal = not list(values.names(step.observe))
    reader = step.as_
    if literal and reader == "number" and values.number(step.observe) is None:
        yield (*here, "observe"), f"the observed value {step.observe!r} is not a number", "a number"
    choices = reader.choice if isinstance(reader, As) else None
    known = choices if isinstance(choices, tuple) and not list(values.names(choices)) else ()
    if literal and known and not any(values.equal(step.observe, choice) for choice in known):
        yield (*here, "observe"), f"{step.observe!r} is not among the choices", f"one of {', '.join(known)}"


def _choose(step: Step, here: Path) -> Iterator[Flaw]:
    """A pool that stands in the scenario is large enough, and has weights that are numbers."""
    pool, k = step.choose, step.k or 1
    if isinstance(pool, Mapping):
        weights = cast("Mapping[str, Any]", pool)
        for option, weight in weights.items():
            number = values.number(weight)
            if not list(values.names(weight)) and (number is None or number < 0):
                yield (*here, "choose", option), f"the weight {weight!r} cannot be used", "a number that is at least 0"
        pool = [weight for weight in weights.values() if weight != 0]
    elif not isinstance(pool, list) and not list(values.names(pool)):
        yield (*here, "choose"), f"nothing to choose from: {pool!r}", "a list, a mapping to weights, or a variable"
    if isinstance(pool, list) and len(cast("list[Any]", pool)) < k:
        few = len(cast("list[Any]", pool))
        yield (
            (*here, "choose"),
            f"a pool of {pluralize(few, 'option')}, fewer than k: {k}",
            f"at least {k} options, or a smaller k",
        )


def _python(step: Step, here: Path) -> Iterator[Flaw]:
    name = step.python or ""
    try:
        function = functions.find(name)
    except ValueError as error:
        yield (*here, "python"), str(error), f"{_known(name, functions.SHIPPED)}, or my_module:function"
        return
    if why := functions.misfit(function, [*(step.with_ or {})]):
        yield (
            (*here, "with" if step.with_ else "python"),
            f"{name} cannot be called like this: {why}",
            "its arguments by name",
        )


def _factor(step: Step, here: Path) -> Iterator[Flaw]:
    factor = step.factor
    linear = isinstance(factor, Mapping)
    if linear and [*cast("Mapping[str, Any]", factor)] != ["p"]:
        yield (*here, "factor"), "this is not a factor", "a number, a variable, or {p: x}"
        return
    inner = cast("Mapping[str, Any]", factor)["p"] if linear else factor
    if not list(values.names(inner)) and (values.number(inner) is None or (linear and float(inner) <= 0)):
        right = "a number above 0, or a variable" if linear else "a number, or a variable"
        yield (*here, "factor"), f"the factor {inner!r} cannot be used", right


def _reader(reader: As, here: Path, verb: str) -> Iterator[Flaw]:
    kinds = reader.kinds
    if len(kinds) != 1:
        yield here, f"{' and '.join(kinds) or 'no reader'} in one `as`", f"exactly one of {', '.join(READERS)}"
        return
    kind = kinds[0]
    if reader.by == "likelihood" and (kind != "choice" or verb != "sample"):
        yield (
            (*here, "by"),
            f"`by: likelihood` cannot be used with `{kind}` in a `{verb}` step",
            "it only with `choice` in a `sample` step",
        )
    if kind == "regex" and (problem := pattern_problem(reader.regex or "")):
        yield (*here, "regex"), problem, "a pattern without a repeat inside a repeat, so that it always ends soon"
    choices = reader.choice
    if isinstance(choices, tuple):
        folded = [choice.casefold() for choice in choices]
        if len(set(folded)) < len(folded):
            yield (*here, "choice"), "two choices are the same, apart from upper and lower case", "each choice once"
        if len(folded) < 2:
            yield (*here, "choice"), "fewer than two choices", "at least two"
    elif kind == "choice" and not values.PLACEHOLDER.fullmatch(str(choices)):
        yield (
            (*here, "choice"),
            f"the choices {choices!r} are not a list",
            "a list, or one variable that is a list, such as {{options}}",
        )


def _fine(step: Step, here: Path) -> Iterator[Flaw]:
    """Of verbs that have nothing more to check."""
    return iter(())


_PLAIN: Mapping[str, Callable[[Step, Path], Iterator[Flaw]]] = {
    "choose": _choose,
    "python": _python,
    "factor": _factor,
    "set": _fine,
    "reject": _fine,
}


def bindings(steps: Mapping[str, Step]) -> Iterator[str]:
    """Every variable that some step gives a value."""
    for name, step in steps.items():
        if step.verbs and step.verb not in ("do", "factor", "reject"):
            yield name
        yield from bindings(step.inner)
