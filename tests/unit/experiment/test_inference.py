"""Populations of a chain with a known posterior: exactness, identities, what is taken, and what is refused."""

import math
from statistics import fmean, stdev
from typing import Any

import pytest

from agentlab.scenario.inference_fields import ForwardFields
from tests.support.chain_of_states import exact
from tests.support.populations import SEEN, Estimate, estimates, fields_of

EVIDENCE, LAST_B = exact(SEEN)
SMC: dict[str, Any] = {"kind": "smc", "particles": 8}


def z(values: list[float], truth: float) -> float:
    return (fmean(values) - truth) / (stdev(values) / math.sqrt(len(values)))


@pytest.mark.parametrize(
    "given",
    [
        SMC,
        {**SMC, "by": "multinomial", "resample": 1.0},
        {**SMC, "by": "residual", "resample": 1.0},
        {**SMC, "likelihood": {"sample": 4}},
        {"kind": "weighting", "particles": 8},
        {"kind": "rejection", "accept": 2, "most": 60, "at_once": 20},
    ],
    ids=str,
)
def test_the_evidence_is_that_of_exact_enumeration(given: dict[str, Any]) -> None:
    found = estimates(fields_of(**given), range(8))
    assert abs(z([one.evidence for one in found], EVIDENCE)) < 3.5


def test_smc_finds_the_posterior() -> None:
    found = estimates(fields_of("smc", particles=24), range(8))
    assert abs(z([one.last_b for one in found], LAST_B)) < 3.5
    sizes = [step["ess"] for one in found for step in one.rollout.about["steps"]]
    assert all(1 <= size <= 24 for size in sizes)
    assert any(step["ancestors"] is not None for one in found for step in one.rollout.about["steps"])


def logs(found: list[Estimate]) -> list[Any]:
    """What the chosen particles said."""
    return [(one.rollout.output, [message.content for message in one.rollout.messages]) for one in found]


def test_smc_that_never_resamples_is_likelihood_weighting() -> None:
    smc = estimates(fields_of("smc", particles=6, resample=0), range(3))
    weighting = estimates(fields_of("weighting", particles=6), range(3))
    assert [one.evidence for one in smc] == [one.evidence for one in weighting]
    assert logs(smc) == logs(weighting)


def test_a_population_of_one_weight_is_forward_sampling_and_rejection_counts_its_rejections() -> None:
    forward = estimates(fields_of("forward", particles=40), range(3))
    rejection = estimates(fields_of("rejection", accept=40, most=40, at_once=40), range(3))
    assert [one.rollout.status for one in forward] == [one.rollout.status for one in rejection]
    assert [one.evidence for one in forward] == pytest.approx([one.evidence for one in rejection])
    assert logs(forward) == logs(rejection)


def test_attempts_of_a_batch_after_the_last_success_do_not_count() -> None:
    one_by_one = estimates(fields_of("rejection", accept=2, most=200), [1])[0]
    batches = estimates(fields_of("rejection", accept=2, most=200, at_once=64), [1])[0]
    assert one_by_one.rollout.about["attempts"] == batches.rollout.about["attempts"]
    assert one_by_one.evidence == batches.evidence
    assert logs([one_by_one]) == logs([batches])
    assert any(one.status == "pruned" for one in batches.particles)


def test_a_particle_differs_from_the_others_before_its_first_round() -> None:
    found = estimates(ForwardFields(kind="forward", particles=30), [1])[0]
    starts = {one.messages[0].content for one in found.particles}
    assert starts == {"A", "B"}


def test_nothing_that_was_rejected_is_an_output_and_its_evidence_is_zero() -> None:
    found = estimates(fields_of("rejection", most=1), range(5))
    rejected = [one.rollout for one in found if one.rollout.status == "rejected"]
    assert rejected
    for rollout in rejected:
        assert (rollout.output, rollout.chosen, rollout.about["log_evidence"]) == (None, None, None)


@pytest.mark.parametrize(
    "take", ["first", "best", "draw", {"vote": "state"}, {"vote": "output", "ties": "draw"}], ids=str
)
def test_what_is_taken_is_a_particle_of_positive_weight(take: Any) -> None:
    for one in estimates(fields_of("weighting", particles=9, take=take), range(3)):
        chosen = next(particle for particle in one.particles if particle.key == one.rollout.chosen)
        assert chosen.weight is not None
        assert chosen.output == one.rollout.output
        assert one.rollout.messages == chosen.messages
        if take == "best":
            assert chosen.weight == max(
                particle.weight or 0 for particle in one.particles if particle.weight is not None
            )
        if isinstance(take, dict):
            assert one.rollout.output == ("B" if one.last_b > 0.5 else "A")


def test_a_vote_on_a_variable_that_nobody_has_gives_no_output_and_says_so() -> None:
    found = estimates(fields_of("weighting", particles=4, take={"vote": "answer"}), [1])[0].rollout
    assert (found.status, found.output, found.chosen) == ("incomplete", None, None)
    assert found.error == "vote: no particle has a value of 'answer'"


def test_beam_search_estimates_no_evidence() -> None:
    found = estimates(fields_of("beam", beams=2, expand=3), [1])[0]
    assert "log_evidence" not in found.rollout.about
    assert found.rollout.status == "delivered"
