"""Every analysis by the name of its command, `agentlab stats RUN NAME`, and the options that they take.

A new one takes a line here. Nothing heavy is imported to say what there is: an analysis' module is imported when the
analysis is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentlab.registry import part_at


@dataclass(frozen=True, slots=True)
class RegisteredAnalysis:
    """An analysis: a function of a run that returns an `Analysis`."""

    function: str
    """`module:name`, below `agentlab.analysis`."""
    about: str
    """What it is about; a title, and the beginning of a sentence."""
    help: str
    """What its command says of it."""
    takes: tuple[str, ...] = ("measure",)
    """Its keyword parameters among the `OPTIONS`."""
    value: str = ""
    """The parameter that gets the text after its name, as in `path ROLLOUT`; empty where none is taken."""
    metavar: str = ""
    """What its help shows for that text."""
    example: str = ""
    """What that text may be."""
    needed: bool = False
    """Whether it cannot start without that text."""
    whole: bool = False
    """Whether it looks at all tasks of a self-training loop, not only at those that are held out."""
    together: bool = False
    """Whether it compares arms, so that it is given the replicates of a self-training loop as one arm."""
    frame: str = ""
    """A frame of the run. Where it is empty, reports and overviews leave the analysis out and say what to do."""
    without: str = ""
    """What to do; `{run}` stands for the run's folder."""

    def load(self) -> Callable[..., Any]:
        """The function itself."""
        return part_at("agentlab.analysis", self.function)


@dataclass(frozen=True, slots=True)
class Option:
    """An option of an analysis, with a text."""

    metavar: str
    help: str


OPTIONS: Mapping[str, Option] = {
    "measure": Option("NAME", "Only this measure."),
    "embeddings": Option("FILE", "A CSV file of embedded outputs, by rollout."),
    "by": Option("FIELD", "Tasks, or attacks, with the same value of this field belong together."),
    "reference": Option("ARM", "By whose lengths tasks are grouped, such as team=solo."),
    "axes": Option("X,Y", "The two measures, such as misalignment,utility."),
    "k": Option("K,K", "How many tries, such as 1,5,10."),
    "weak": Option("NAME", "The measure that accepts a draw."),
    "strong": Option("NAME", "The measure that says which draws are right."),
    "accept": Option("VALUE", "The value of --weak at which a draw is accepted."),
    "targeted": Option("NAME", "The measure of answers that are the attack's own wrong answer."),
    "penalties": Option("X,X", "Costs of a wrong result, such as 0,1,4; a right one is worth 1."),
}

ANALYSES: Mapping[str, RegisteredAnalysis] = {
    "contrasts": RegisteredAnalysis(
        "contrasts.table:contrasts",
        "Comparisons of arms, in full detail",
        "Every contrast, with effect sizes and arms.",
    ),
    "criteria": RegisteredAnalysis(
        "contrasts.criteria:criteria",
        "Comparisons of arms by criterion",
        "Every contrast by the criteria of its measure.",
        together=True,
    ),
    "mixed": RegisteredAnalysis(
        "contrasts.mixed:mixed", "The mixed model", "The mixed model with arm slopes by task.", together=True
    ),
    "decompose": RegisteredAnalysis(
        "incoherence.decomposition:decomposition",
        "Bias and variance",
        "Error as bias and variance.",
        takes=("measure", "embeddings"),
    ),
    "components": RegisteredAnalysis(
        "components.components:components",
        "Variance components",
        "What tasks, draws and the judge add to the variance.",
        takes=("measure", "by"),
    ),
    "frontier": RegisteredAnalysis(
        "frontier:frontier",
        "What each arm attains of two measures",
        "What each arm attains on two measures.",
        takes=("axes",),
        together=True,
    ),
    "generations": RegisteredAnalysis(
        "generations.generations:generations",
        "Generations of a self-training loop",
        "Every generation of a loop: measures, what was kept, gains.",
        whole=True,
    ),
    "tickets": RegisteredAnalysis(
        "tickets:by_arm",
        "Tickets by arm",
        "Tickets of teams: how they ended, which constraints they kept, which flaws reviews caught.",
        takes=(),
    ),
    "attribution": RegisteredAnalysis(
        "forks.attribution:attribution", "Where variance arises", "Shares of variance by round and agent."
    ),
    "path": RegisteredAnalysis(
        "forks.path:path",
        "The path of one rollout",
        "Which turn decided one rollout: the beginning of a key, or task=loan,team=firm,draw=1.",
        value="rollout",
        metavar="ROLLOUT",
        example="the beginning of a key, or task=loan,team=firm,draw=1",
        needed=True,
    ),
    "interventions": RegisteredAnalysis(
        "forks.interventions:interventions",
        "What edits, swaps and drops change",
        "What edits, swaps and drops change.",
    ),
    "passes": RegisteredAnalysis(
        "passes:tries",
        "Success with several tries",
        "Several tries: pass@k, pass^k, maj@k.",
        takes=("measure", "k"),
    ),
    "verifiers": RegisteredAnalysis(
        "verifiers:verifiers",
        "Tries until a verifier accepts",
        "Tries until a verifier accepts: ceiling, right and wrong results, when to stop.",
        takes=("weak", "strong", "accept", "penalties"),
    ),
    "attacks": RegisteredAnalysis(
        "attacks:attacks",
        "Attacks that succeed",
        "Attacks on tasks: success where the answer is right without them, and defenses.",
        takes=("measure", "targeted", "by"),
        together=True,
    ),
    "rare": RegisteredAnalysis(
        "rare:rare",
        "Probabilities of events",
        "Probabilities of events, as estimated by populations.",
        takes=(),
    ),
    "length": RegisteredAnalysis(
        "incoherence.length:length",
        "Errors by length",
        "Errors by output_tokens, reasoning_tokens, turns or messages.",
        takes=("measure", "reference", "by"),
        value="of",
        metavar="WHAT",
    ),
    "cases": RegisteredAnalysis(
        "cases:cases",
        "Programs on held-out cases",
        "Programs by case: scores, crashes, time-outs, wrong formats, and the best possible results.",
    ),
    "labels": RegisteredAnalysis(
        "judges.labels:labels",
        "Judges against people",
        "Judges versus people; means corrected by labels.",
        together=True,
        frame="labels",
        without="no rollout has a human label; `agentlab export labels {run} SHEET.csv --measure NAME` writes a sheet "
        "for people to fill in, and `agentlab import labels SHEET.csv --run {run}` reads it",
    ),
    "judges": RegisteredAnalysis(
        "judges.judges:judges", "Judge diagnostics", "Judge diagnostics: anchors, length, agreement, bounds."
    ),
    "pairs": RegisteredAnalysis(
        "judges.pairs:pairs",
        "Arms compared two at a time",
        "Arms compared two at a time by a judge.",
        takes=(),
        together=True,
    ),
    "probes": RegisteredAnalysis(
        "judges.probes:probes",
        "What moves the judges",
        "What sways the judges: length, format, position.",
        takes=(),
    ),
}
