"""Regular expressions of users: whether one may be run on a long text."""

import re

_REPEAT = re.compile(r"(?:(?P<unbounded>[*+]|\{\d*,\})|\{\d*,?\d+\})\??(?P<possessive>\+?)")


def pattern_problem(pattern: str) -> str | None:
    """Why a regular expression is refused: it does not compile, or an unbounded repeat stands inside another.

    Such nesting, as in `(a+)+`, takes time exponential in the length of a text that almost matches; a cap on the text
    does not help against it. Overlapping alternatives under a repeat, as in `(a|a)*`, are not recognized.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"the pattern does not compile: {error}"
    return "an unbounded repeat inside another" if _nested_repeat(pattern) else None


def _nested_repeat(pattern: str) -> bool:
    """One pass over a pattern that compiles; `open_groups` holds, per open group, whether it repeats without bound."""
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    open_groups, closed = [False], False
    for token in re.finditer(r"\(\?[:=!<>P#a-zA-Z]*|\(|\)|(?:[*+]|\{\d+,?\d*\}|\{,\d*\})[?+]?|[^()]", bare):
        text = token[0]
        if text.startswith("("):
            open_groups.append(False)
            closed = False
        elif text == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1] |= closed
        elif repeat := _REPEAT.fullmatch(text):
            if closed and not repeat["possessive"]:
                return True
            open_groups[-1] |= bool(repeat["unbounded"]) and not repeat["possessive"]
            closed = False
        else:
            closed = False
    return False
