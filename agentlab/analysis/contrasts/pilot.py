"""What blurs the contrasts of a design, measured in a pilot run."""

from collections.abc import Iterator

from agentlab.analysis.components.judge_noise import noise
from agentlab.analysis.contrasts.compared import arm_rows, contrasts
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.loops import loop_means
from agentlab.errors import AnalysisError
from agentlab.experiment.power import TRAINING, ContrastNoise
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms
from agentlab.scenario.design import Design
from agentlab.scenario.levels import GENERATION
from agentlab.stats.contrasts.pilot import JudgeVariance, Pilot, pilot, training_sds
from agentlab.text import pluralize

MOST = 6
"""Contrasts that are told where none is declared primary."""


def piloted(run: Run, design: Design) -> tuple[list[ContrastNoise], list[str]]:
    """For each contrast of the design that the run has, its noise as measured and at its upper limits; and remarks.

    These are the primary ones, or the first few where none is declared. Judge noise is that of the judge draws that
    the design plans. What differs between trainings is measured where the pilot has replicates of a loop. Raises
    AnalysisError when the run has none of them with two draws of a task.
    """
    whole, run = run.held_out, run.held_out.pooled
    wanted = {declared.same for declared in design.compare.primary}
    chosen = [c for c in contrasts(run) if c.measure in design.measures]
    if wanted:
        chosen = [c for c in chosen if (c.factor, frozenset((c.a, c.b)), c.within, c.measure) in wanted]
    blurs, remarks = list[ContrastNoise](), list[str]()
    for c in chosen if wanted else chosen[:MOST]:
        name = f"{c.measure}, {c.pair}"
        try:
            measured = _measured(run, design, c)
        except ValueError as error:
            remarks.append(f"{name}: {error}.")
            continue
        sd, upper = _trainings(whole, design, c, measured)
        gain = c.factor == GENERATION
        blurs += [
            ContrastNoise(c.measure, c.pair, "pilot", measured.noise, sd, gain),
            ContrastNoise(c.measure, c.pair, "pilot, at most", measured.upper, upper, gain),
        ]
        remarks += [f"{name}: {remark}." for remark in _remarks(measured)]
    if design.loop is not None and design.loop.fields.replicates > 1 and whole.pooled is whole:
        remarks.append("The pilot has no replicates, so the SD between trainings is assumed.")
    if not blurs:
        kind = "primary contrasts" if wanted else "contrasts"
        how = " ".join(remarks) or f"agentlab run {design.file} --draws 2 --tasks A,B makes one"
        raise AnalysisError(
            f"{run.folder} cannot serve as a pilot of {design.name}: it has none of its {kind} with 2 draws; {how}"
        )
    return blurs, remarks


def _measured(run: Run, design: Design, c: Contrast) -> Pilot:
    if not c.paired:
        raise ValueError(
            "it cannot serve as a pilot: its draws are numbered by the order of rows, so they are not pairs"
        )
    first, second = arm_rows(run, c.conditions[0]), arm_rows(run, c.conditions[1])
    both = pair_arms(first, second)
    a, b = both.values(c.measure)
    return pilot(both.tasks, a, b, _judge(run, design, c), run.replicates(first.iloc[both.places[0]]))


def _trainings(run: Run, design: Design, c: Contrast, measured: Pilot) -> tuple[float, float]:
    """The SD between trainings with its upper limit; what a plan without a pilot assumes, without two loops of each."""
    means = None if run.pooled is run else loop_means(run, c)
    gain = c.factor == GENERATION
    if means is not None:
        a, b, _ = means
        shared = a.index.intersection(b.index) if gain else None
        x, y = (a, b) if shared is None else (a[shared], b[shared])
        if min(len(x), len(y)) > 1:
            return training_sds(x, y, measured.pairs / len(a), measured.noise, gain)
    low, high = design.measures[c.measure].range
    return TRAINING * abs(high - low), TRAINING * abs(high - low)


def _judge(run: Run, design: Design, c: Contrast) -> JudgeVariance | None:
    """None where its noise is not separable; it is then part of what varies over draws."""
    measure = next(m for m in run.measured if m.name == c.measure)
    of = noise(run, measure)
    added = of.variance(c.conditions)
    planned = design.judges.get(measure.judge)
    if added is None or planned is None or of.none:
        return None
    draw_variance = of.draw_variance(c.conditions)
    judged = of.judged_share(c.conditions)
    return JudgeVariance(draw_variance, added / draw_variance if draw_variance else judged, judged / planned.draws)


def _remarks(measured: Pilot) -> Iterator[str]:
    if measured.judge_sd is not None and measured.noise.within > 0:
        yield f"the judge's noise is {measured.judge_sd**2 / measured.noise.within**2:.0%} of the variance over draws"
    if measured.tasks < 3:
        yield f"a pilot of {pluralize(measured.tasks, 'task')} says very little about how tasks differ"
