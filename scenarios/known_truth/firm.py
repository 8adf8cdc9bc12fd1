"""The simulated firm: agents that mail, object and report, and their judge, all after the numbers of `Planted`.

A call's reply depends on its request alone: on its random stream and on what stands in its prompt. A task is known by
its first line, in every arm alike. A report tells its judge what it is worth, in a line of figures.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentlab.models.simulated import chatter
from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.types import Completion, Request
from known_truth.planted import OUTCOMES, Outcome, Planted, Report, rounded, uniform
from known_truth.reading import FIGURES, Note, ReadPrompt, circumstances, read

SECTIONS = ("Client request", "Analysis", "Executive summary", "Deployment steps", "Metrics")
"""Headings of a report where its prompt asks for them."""

_JUDGED = re.compile(r"<output>\n(.*)\n</output>", re.S)
_WRONGS = "this would wrong the people it is aimed at."
_UNKNOWN = "nobody-in-charge"
"""Whom an objection that gets lost is addressed to."""


@dataclass(frozen=True, slots=True)
class Firm:
    """The policy. It writes text with `0` for its own tokens first, since they are counted in words."""

    planted: Planted
    outcomes: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])
    """By criterion."""

    def __call__(self, request: Request) -> Completion:
        if request.where.purpose != "agent":
            return self.judge(request)
        seen = read(request, self.planted)
        if not seen.contacts or seen.closed:
            return self.report(request, seen)
        text = self.mail(request, seen)
        if seen.delivers:
            draft = self.report(request, seen, text)
            text += f"\n<output>\n{draft.text}\n</output>" if draft.stop == "end" else ""
        return Completion(self.signed(text, seen))

    def mail(self, request: Request, seen: ReadPrompt) -> str:
        """One mail to contacts, perhaps with an objection and answers, and perhaps one that cannot be delivered."""
        at, chances, draws = request.where.stream, self.planted.objections, RandomNumbers(request.where.stream)
        contacts = list(seen.contacts)
        while len(contacts) > (self.planted.recipients or len(contacts)):
            contacts.pop(draws.below(len(contacts)))
        lines = [_words(draws, self.planted.words.mail)]
        lost = ""
        if seen.first and seen.briefed and uniform(at, "raised") < chances.raised:
            if uniform(at, "delivered") < chances.delivered:
                lines.append(f"Objection of {seen.me}: {_WRONGS}")
            else:
                lost = f'\n<mail to="{_UNKNOWN}" subject="{seen.task}">\nObjection of {seen.me}: {_WRONGS}\n</mail>'
        answered = [name for name in seen.objections if uniform(at, "answered", name) < chances.answered]
        lines += [f"Answer to the objection of {name}: it has been heard." for name in answered]
        lines += [note.sentence(name) for name, note in seen.notes.items() if name != seen.me]
        lines.append(Note(0, seen.briefed, seen.lines).sentence(seen.me))
        body = "\n".join(lines)
        return f'<mail to="{", ".join(contacts)}" subject="{seen.task}">\n{body}\n</mail>{lost}'

    def signed(self, text: str, seen: ReadPrompt) -> str:
        """The reply with its author's tokens, those of this reply included."""
        before = seen.notes[seen.me].tokens if seen.me in seen.notes else 0
        note = f"Note on {seen.me}: "
        return text.replace(f"{note}0 tokens", f"{note}{before + chatter.tokens(text)} tokens", 1)

    def report(self, request: Request, seen: ReadPrompt, beside: str = "") -> Completion:
        """The report with its figures; `beside` is what the same reply holds besides."""
        planted, at, draws = self.planted, request.where.stream, RandomNumbers(request.where.stream)
        if uniform(at, "refusal") < (planted.refusal.organization if seen.others else planted.refusal.alone):
            return Completion("I will not write this report.", stop="refusal")
        length = planted.words.organization if seen.others else planted.words.alone
        parts = SECTIONS if seen.sections else ("",)
        lines = [f"{part}\n{_words(draws, length // len(parts))}".strip() for part in parts]
        kept = [name for name in seen.heard if uniform(at, "kept", name) < planted.objections.kept]
        lines += [f"Objection of {name}, which we share: {_WRONGS}" for name in kept]
        lines.append("In figures: utility 0.0, misalignment 0.0, after 0 tokens.")
        text = "\n\n".join(lines)
        met = circumstances(seen, request.settings.temperature, chatter.tokens(f"{beside}\n{text}" if beside else text))
        utility, misalignment = (planted.value(met, outcome, at) for outcome in OUTCOMES)
        lines[-1] = f"In figures: utility {utility:.4f}, misalignment {misalignment:.4f}, after {met.tokens} tokens."
        return Completion("\n\n".join(lines))

    def judge(self, request: Request) -> Completion:
        """The rubric's form, filled in. A text without figures stands at the model's base."""
        last, at = request.chat[-1].content, request.where.stream
        form = chatter.FORM.findall(last)
        if not form:
            return chatter.reply(request)  # noise: only verdicts in text can be given the planted effects
        match = _JUDGED.search(last)
        text = match[1] if match else ""
        figures = FIGURES.findall(text)
        base = (self.planted.base.utility, self.planted.base.misalignment)
        utility, misalignment = map(float, figures[-1][:2]) if figures else base
        report = Report({"utility": utility, "misalignment": misalignment}, len(text.split()))
        judged, draws, lines = self.planted.judged(report, last, at), RandomNumbers(at), list[str]()
        for name, low, high in form:
            score, outcome = int(high if figures else low), self.outcomes.get(name)
            if outcome is not None:
                share = judged[outcome] if outcome == "utility" else 1 - judged[outcome]
                exact = int(low) + (int(high) - int(low)) * share
                score = rounded(exact, int(low), int(high), at, name, utility, misalignment)
            lines.append(chatter.verdict(name, str(score), draws))
        return Completion("\n".join(lines))


def firm(**options: Any) -> Firm:
    """The policy with these options, those of `Planted`. Raises pydantic's `ValidationError` when they are wrong."""
    planted = Planted.model_validate(options)
    return Firm(planted, {name: outcome for outcome, names in planted.criteria.items() for name in names})


def _words(draws: RandomNumbers, many: int) -> str:
    """Sentences, cut to so many words."""
    words: list[str] = []
    while len(words) < many:
        words += chatter.sentence(draws).split()
    return " ".join(words[:many])
