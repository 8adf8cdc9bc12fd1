"""The first lines on a rollout: what it is, how it ended, what it used, whether its prompts are what was sent."""

from agentlab.runs.transcript.record import Record
from agentlab.text import line, pluralize
from agentlab.types import PRODUCT, Rollout, Usage


def heading(record: Record) -> str:
    """Key, coordinates, how it ended, what it used, and whether the prompts are what was sent."""
    r = record.rollout
    place = [f"task {r.task}", *(f"{factor}={level}" for factor, level in record.levels.items()), f"draw {r.draw}"]
    lines = [
        f"rollout {r.key}",
        " · ".join(line(part) for part in place),
        _origin(record),
        _ending(record),
        _used(record),
    ]
    if record.turns:
        lines.append(proof(record))
    return "\n".join(part for part in lines if part)


def _origin(record: Record) -> str:
    """Of a fork: what it is drawn anew from, where, and what was changed."""
    r = record.rollout
    if r.kind == "particle":
        return f"particle of rollout {r.population}"
    if r.kind == "redraw":
        used_or_not = "not used" if r.status == "rejected" else "used"
        return f"a draw of a turn of fork {r.population}, cut at {r.at}; {used_or_not}"
    if r.change.startswith("until "):
        return _redrawn(r)
    if r.chosen is not None:
        size = f"{r.about.get('particles')} particles, effective sample size {r.about.get('ess', 0):.3g}"
        return f"the log of particle {r.chosen[:12]}, chosen from a population by {r.about.get('method')} ({size})"
    if r.at is None:
        return ""
    change = f", changed: {line(r.change)}" if r.change else ""
    inherited = "1 turn is" if len(record.kept) == 1 else f"{len(record.kept)} turns are"
    return f"fork {r.fork} of rollout {r.parent}, cut at {r.at}{change}; {inherited} that rollout's"


def _redrawn(fork: Rollout) -> str:
    """Of a fork whose turn was drawn until its messages had a property: how many draws that took."""
    origin_text = f"fork {fork.fork} of rollout {fork.parent}, cut at {fork.at}, changed: {line(fork.change)}"
    draws = pluralize(int(fork.about.get("attempts", 0)), "draw")
    rejected = f"{draws}, {fork.about.get('rejected_draws', 0)} rejected"
    return f"{origin_text}; {rejected}" + (f"; the log is that of draw {fork.chosen[:12]}" if fork.chosen else "")


def _ending(record: Record) -> str:
    """How the rollout ended."""
    r = record.rollout
    if record.begun:
        return "not finished: messages are stored when the rollout ends; the calls so far are below"
    by = {"protocol": "by its protocol", "closing": "by the closing question", "imported": "elsewhere, then imported"}
    via = f" {by[r.output_via]}" if r.output_via in by else ""
    retry = "" if record.finished else ", to be retried by the same command"
    rounds = record.organization.rounds if record.organization and r.status == "incomplete" else None
    late = f" (nothing was delivered in {pluralize(rounds, 'round')})" if rounds else ""
    return f"{r.status}{via}{late}, attempt {r.attempt}{retry}" + (f": {line(r.error, 500)}" if r.error else "")


def _used(record: Record) -> str:
    """Calls, tokens, money and time of the agents; of a fork, its own."""
    new_turns = [turn for turn in record.turns if (turn.round, turn.agent) not in record.kept]
    calls = [*(s.call for turn in new_turns for s in turn.steps), *(c for turn in new_turns for c in turn.tries)]
    calls += [call for call in record.products if (call.round, call.actor.removeprefix(PRODUCT)) not in record.kept]
    if not calls:
        return ""
    usages = [call.completion.usage for call in calls if call.completion]
    usage = sum((used for used in usages if used), Usage())
    uncounted = f" + {pluralize(usages.count(None), 'reply', 'replies')} uncounted" if None in usages else ""
    answered = [call.cost for call in calls if call.completion]
    known = [cost for cost in answered if cost is not None]
    cost = f"{sum(known):.4f} USD" if len(known) == len(answered) else "cost unknown"
    seconds = sum(call.seconds for call in calls)
    tokens = f"{usage.input:,} tokens in, {usage.output:,} out{uncounted}"
    return f"{pluralize(len(calls), 'call')} · {tokens} · {cost} · {seconds:.1f} s"


def proof(record: Record) -> str:
    """What is known of the rebuilt prompts."""
    steps = [(turn.place, step.intact) for turn in record.turns for step in turn.steps]
    wrong = list(dict.fromkeys(place for place, intact in steps if intact is False))
    if wrong:
        return f"PROMPTS DIFFER from what was sent (stored hash): {', '.join(map(line, wrong))}. Do not trust them."
    unknown = sum(intact is None for _, intact in steps)
    if unknown and record.finished:
        return (
            f"{unknown} of {len(steps)} prompts lack what the protocol showed besides mail; only the protocol's code "
            f"can rebuild that"
        )
    if unknown:
        return f"{unknown} of {len(steps)} prompts cannot be rebuilt before the rollout ends"
    subject = {1: "the prompt is", 2: "both prompts are"}.get(len(steps), f"all {len(steps)} prompts are")
    return f"{subject} rebuilt from the log, with the hash of what was sent"
