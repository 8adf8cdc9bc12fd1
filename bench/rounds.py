"""What a turn costs late in a rollout beside an early one: it must not grow with the rounds that lie before it.

    python bench/rounds.py [--agents 12] [--rounds 30] [--prompt 20000]

Every agent has a system prompt of so many characters, remembers all, and mails everybody in every round. Prints JSON:
microseconds of processor time for each call of round 2 and of the last round, the least of several rollouts, and their
ratio; the characters of one prompt in both rounds. The model answers at once, and nothing is stored.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutSpec
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.mail import MailConfig
from agentlab.types import Capabilities, Completion, Request, Task, Usage

TEXT = "We should look at the figures again before we write. " * 6
REPLY = Completion(f'<mail to="@everyone" subject="the plan">{TEXT}</mail>', usage=Usage(5000, 80))


@dataclass
class Stopwatch:
    """A model that answers at once, and notes the processor time at the first call of every round."""

    name: str = "bench/stopwatch"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(frozenset(), seed=True))
    began: dict[int, float] = field(default_factory=dict[int, float])
    sizes: dict[int, int] = field(default_factory=dict[int, int])

    async def complete(self, request: Request) -> Completion:
        round = request.where.round
        if round not in self.began:
            self.sizes[round] = sum(len(entry.content) for entry in request.chat)
            self.began[round] = time.process_time()
        return REPLY


def measured(agents: int, rounds: int, prompt: int, times: int) -> dict[str, float]:
    """Round 2 against the last but one, which ends when the last begins."""
    names = tuple(f"agent{i}" for i in range(agents))
    config = MailConfig(kind="mail", start=names, contacts={n: tuple(o for o in names if o != n) for n in names})
    members = tuple(Agent(name, ("You plan with the others. " * (prompt // 26 + 1))[:prompt]) for name in names)
    organization = Organization(members, config.build(names, None, None), rounds + 1)
    spec = RolloutSpec("key", "bench", "all", organization, Task("plan", "Make a plan."), 1, seed=1)
    early, late, watch = list[float](), list[float](), Stopwatch()
    for _ in range(times):
        watch = Stopwatch()
        models: dict[str, Any] = {"default": watch}
        asyncio.run(play(spec, Client(models)))
        early.append(watch.began[3] - watch.began[2])
        late.append(watch.began[rounds + 1] - watch.began[rounds])
    first, last = (1e6 * min(seconds) / agents for seconds in (early, late))
    return {
        "early_us": first,
        "late_us": last,
        "late_to_early": last / first,
        "early_characters": watch.sizes[2],
        "late_characters": watch.sizes[rounds],
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--prompt", type=int, default=20_000, help="Characters of a system prompt.")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    figures = measured(options.agents, options.rounds, options.prompt, options.times)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
