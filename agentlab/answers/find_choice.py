"""Finds the choice that a text settles on, however it is written. Every scan is linear."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from agentlab.answers.find_answer import BOXED, LINK, MARK, OPEN, WORD, Found
from agentlab.answers.numerals import plain

_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
_OPEN, _CLOSE = r"[ \t*_`\"'“‘«$(\[{<#>]", r"[ \t*_`\"'”’»$)\]}>.!]"
_VERDICT = (
    r"(?:is|seems|looks|must\ be|should\ be|would\ be)\s(?:therefore\s|thus\s|clearly\s|indeed\s)?"
    r"(?:the\s)?(?:only\s|most\s|single\s)?(?:correct|right|best|answer)(?![^\W_])"
)
_TAKEN = (
    r"(?:choose|chose|pick|select|go\ with|going\ with|opt\ for|settle\ on|vote\ for|decide\ on|"
    r"(?P<so>(?:therefore|thus|hence|so),?(?:\ it(?:['’]s|\ is|\ must\ be|\ has\ to\ be))?|"
    r"it(?:['’]s|\ is|\ must\ be|\ has\ to\ be)))"
)
_ENDED = re.compile(r"[ \t]{0,8}(?:\n|$|[.,;:!?)\]}>*_`$\"'”’»\\])")
_WORDS = frozenset("aeiouyI")
"""Letters that may be words of a sentence."""
_DENIED = re.compile(
    r"[\s*_`\"'”’)\]}]{0,4}(?:is|are|was|seems|looks|would be|can be|must be|can|does|do)?"
    r"(?:\s(?:not|never|wrong|incorrect|false|out|excluded|eliminated|impossible|ruled)(?!\w)|n['’]t)",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"(?:(?<!\w)(?:not?|nor|neither|never|than|against|without)|n['’]t)[\s*_`\"'“‘(\[]{0,4}$", re.I)
_UNSURE = re.compile(r"(?<!\w)(?:if|whether|nor|or|and|neither|not|suppose|assume)[\s*(]{1,4}(?:\w+\s)?$", re.I)
_SUPPOSED = re.compile(r"(?<!\w)(?:if|whether|unless|suppose|assume|would be|were)(?!\w)[^.,;:!?\n]*$", re.I)
"""Before a word of a clause that states nothing: `if it were true`."""
_NOUN = re.compile(r"\s[^\W\d_]")
"""After `no`: a word that it belongs to, as in `no doubt`."""
_ELSE = re.compile(
    r"(?<![^\W_])(?:wrong|incorrect|second|next|runner-up|other|another|alternative|opposite|"
    r"(?:student|model|user|author|critic|opponent|candidate)['’]?s?|"
    r"(?:think|thinks|thought|say|says|said|claim|claims|believe|believes)\ the)(?:[-\ ]best)?\s$",
    re.IGNORECASE,
)
"""Before the announcement of an answer that is somebody else's, or the wrong one."""
_BEFORE, _CLAUSE = 24, 80
"""Characters before a mention that may take it back, or make it a supposition."""


def choice_answers(text: str, allowed: Sequence[str], where: str, stated: bool = False) -> list[Found]:
    """The choice that a `plain` text settles on, as it is declared; none where it settles on none, or on several.

    In this order of trust: stated (`Answer: b`, `the answer is **B**`, `\\boxed{B}`); found right (`(B) is correct`);
    taken (`I choose B`); a word that begins the text (`Yes, …`); alone on a line; marked (`(B)`, `**B**`, or `B.` at
    the start of a line unless others stand so); mentioned (a word of several letters that is not denied, a letter after
    `option`). Of several the last counts, or the first if that is `where`; a text that only mentions several settles on
    none. With `stated` only the first three do. The article `a` is no choice.
    """
    reader = _reader(tuple(allowed))
    evidence = (reader.announced, reader.found_right, reader.taken)
    for read in evidence if stated else (*evidence, reader.leading, reader.alone, reader.marked, reader.mentioned):
        if answers := list(read(text)):
            answer = answers[0 if where == "first" else -1]
            return [] if answer is None else [answer]
    return []


@lru_cache(maxsize=64)
def _reader(allowed: tuple[str, ...]) -> "_Reader":
    return _Reader(allowed)


@dataclass(slots=True)
class _Reader:
    """Each method gives the answers of one kind in order; None for a statement that names several choices."""

    allowed: tuple[str, ...]
    declared: dict[str, str] = field(init=False)
    patterns: dict[str, re.Pattern[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.declared = {plain(choice).casefold(): choice for choice in self.allowed}
        names = sorted((plain(choice) for choice in self.allowed), key=len, reverse=True)
        choice = rf"(?P<choice>{'|'.join(map(re.escape, names))})(?![^\W_])(?!['’]\w)(?<!\d(?=[.,:/]\d))"
        other = choice.replace("?P<choice>", "?:")
        words = [name for name in names if len(name) > 1 and not name.isdecimal()]
        item = rf"^[ \t]{{0,8}}(?:[-•][ \t])?[*_(\[`$]{{0,4}}{choice}(?:[)\].:*_`$]{{1,6}}|\s-)(?=\s|$)"
        inline = rf"(?:[(\[`$]|\*{{1,2}}){choice}[.:)]?(?:[)\]`$]|\*{{1,2}})"
        patterns = {
            "announced": rf"{WORD}{MARK}{{0,8}}(?P<link>{LINK}|\n)?{OPEN}{{0,12}}{choice}",
            "boxed": rf"{OPEN}{{0,8}}{choice}",
            "right": rf"(?<![^\W_])(?P<open>(?:option\s|choice\s|answer\s)?{_OPEN}{{0,4}}){choice}"
            rf"{_CLOSE}{{0,6}}\s?(?<=\s){_VERDICT}",
            "taken": rf"(?<![^\W_]){_TAKEN}:?\s{OPEN}{{0,8}}{choice}",
            "leading": rf"\s{{0,9}}{_OPEN}{{0,4}}(?:oh,?\ )?"
            rf"(?P<choice>{'|'.join(map(re.escape, words)) or '(?!)'})(?=\s?[,!;—–])",
            "alone": rf"^(?:[-•]\ )?{_OPEN}{{0,10}}{choice}{_CLOSE}{{0,10}}$",
            "item": item,
            "inline": inline,
            "option": rf"(?<![^\W_])(?:option|choice)\s{_OPEN}{{0,4}}{choice}",
            "word": rf"(?<![^\W_])(?P<choice>{'|'.join(map(re.escape, words)) or '(?!)'})(?![^\W_])",
            "other": rf"{_CLOSE}{{0,6}}\s?(?:,|/|&|\||\band\b|\bor\b)\s?{_OPEN}{{0,4}}{other}"
            r"(?=\s?(?:$|[.,;:!?)\]}*\n/])|\s(?:are|both|depending|because|since)\b)",
        }
        self.patterns = {name: re.compile(pattern, _FLAGS) for name, pattern in patterns.items()}

    def announced(self, text: str) -> Iterator[Found | None]:
        places = [(match.start(), self._stated(text, match)) for match in self.patterns["announced"].finditer(text)]
        for box in BOXED.finditer(text):
            if match := self.patterns["boxed"].match(box[1]):
                choice = None if self.patterns["other"].match(box[1], match.end()) else self._located(match, box.end())
                places.append((box.start(), (choice,)))
        for _, stated in sorted(places, key=lambda place: place[0]):
            yield from stated

    def _stated(self, text: str, match: re.Match[str]) -> tuple[Found | None, ...]:
        """Empty where it is no statement: `the answer is a bit long`, `answer A is wrong`, `Answer A: Paris`."""
        if not self._is_choice(text, match) or _ELSE.search(text[max(0, match.start() - _BEFORE) : match.start()]):
            return ()
        named = match["choice"].islower() or text.startswith(":", match.end()) or _DENIED.match(text, match.end())
        if match["link"] is None and named:
            return ()
        several = self.patterns["other"].match(text, match.end())
        return (None if several else self._located(match, match.end()),)

    def found_right(self, text: str) -> Iterator[Found]:
        for match in self.patterns["right"].finditer(text):
            small = len(match["choice"]) == 1 and match["choice"].islower() and not match["open"].strip()
            if not small and not _UNSURE.search(text[max(0, match.start() - _BEFORE) : match.start()]):
                yield self._located(match, match.end())

    def taken(self, text: str) -> Iterator[Found | None]:
        for match in self.patterns["taken"].finditer(text):
            ended = match["so"] is None or (_ENDED.match(text, match.end()) and not match["choice"].islower())
            supposed = match["so"] is not None and _UNSURE.search(text[max(0, match.start() - _BEFORE) : match.start()])
            if ended and self._is_choice(text, match) and not supposed and not self._refused(text, match):
                several = self.patterns["other"].match(text, match.end())
                yield None if several else self._located(match, match.end())

    def leading(self, text: str) -> Iterator[Found]:
        if match := self.patterns["leading"].match(text):
            yield self._located(match, match.end())

    def alone(self, text: str) -> Iterator[Found]:
        for match in self.patterns["alone"].finditer(text):
            yield self._located(match, match.end())

    def marked(self, text: str) -> Iterator[Found]:
        items = [self._located(match, match.end()) for match in self.patterns["item"].finditer(text)]
        listed = len({item.text for item in items}) > 1
        ends = {item.end for item in items}
        inline = [self._located(match, match.end()) for match in self.patterns["inline"].finditer(text)]
        yield from sorted(
            ([] if listed else items) + [mention for mention in inline if mention.end not in ends],
            key=lambda mention: mention.end,
        )

    def mentioned(self, text: str) -> Iterator[Found | None]:
        for pattern in ("option", "word"):
            mentions = [self._located(match, match.end()) for match in self._undenied(text, pattern)]
            if mentions:
                yield from mentions if len({mention.text for mention in mentions}) == 1 else (None,)
                return

    def _undenied(self, text: str, pattern: str) -> Iterator[re.Match[str]]:
        for match in self.patterns[pattern].finditer(text):
            determiner = match["choice"].casefold() == "no" and _NOUN.match(text, match.end())
            supposed = _SUPPOSED.search(text[max(0, match.start() - _CLAUSE) : match.start()])
            if not (determiner or supposed or self._refused(text, match) or _DENIED.match(text, match.end())):
                yield match

    def _refused(self, text: str, match: re.Match[str]) -> bool:
        return _REFUSED.search(text[max(0, match.start() - _BEFORE) : match.start()]) is not None

    def _is_choice(self, text: str, match: re.Match[str]) -> bool:
        """Whether it is no word of a sentence, such as the article `a`."""
        return match["choice"] not in _WORDS or _ENDED.match(text, match.end()) is not None

    def _located(self, match: re.Match[str], end: int) -> Found:
        return Found(self.declared[match["choice"].casefold()], end)
