"""Whom to treat for sepsis by a text: cost per patient against sepsis that is missed. What can be reached is known.

A patient has sepsis (y = 1) with probability PRIOR. Given y each finding takes one of its levels independently. The
summary states every level: as a number within the level's range, in words, or as not measured. So P(y | text) is naive
Bayes with the shares below.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from agentlab.products.product import Case, Figure, Measured, Point, WrongFormat

PROGRAM: str = "src/predict.py"
RESULT = "out/decisions.csv"
COMMAND: str = f"python3 {PROGRAM} in/patients.json {RESULT}"
PRIOR, TEST, TRAIN, TREAT, DISCHARGE = 0.25, 100, 400, 4000, 500
"""TREAT and DISCHARGE are what a decision costs, in US dollars."""
WITHIN_REACH = 3_000
"""US dollars a patient, with at least 95 percent found."""
FINDINGS: Mapping[str, Mapping[str, tuple[float, float, float, float]]] = {
    "temperature": {
        "low": (0.06, 0.14, 34.5, 35.9),
        "normal": (0.64, 0.30, 36.0, 37.9),
        "high": (0.26, 0.52, 38.0, 40.4),
        "none": (0.04, 0.04, 0, 0),
    },
    "heart rate": {"normal": (0.62, 0.22, 60, 94), "high": (0.33, 0.73, 95, 148), "none": (0.05, 0.05, 0, 0)},
    "breaths": {"normal": (0.68, 0.30, 11, 20), "high": (0.26, 0.64, 21, 38), "none": (0.06, 0.06, 0, 0)},
    "pressure": {
        "low": (0.10, 0.42, 70, 99),
        "normal": (0.84, 0.52, 100, 158),
        "none": (0.06, 0.06, 0, 0),
    },
    "lactate": {"normal": (0.55, 0.20, 0.6, 1.9), "high": (0.15, 0.50, 2.0, 6.8), "none": (0.30, 0.30, 0, 0)},
    "white cells": {"normal": (0.60, 0.30, 4.2, 11.8), "high": (0.25, 0.55, 12.1, 24.0), "none": (0.15, 0.15, 0, 0)},
    "mind": {"clear": (0.88, 0.58, 0, 0), "dull": (0.12, 0.42, 0, 0)},
    "source": {"yes": (0.30, 0.72, 0, 0), "no": (0.70, 0.28, 0, 0)},
}
"""By finding and level: share given y = 0, share given y = 1, and the range of the number that the text states."""
NUMBERS = {
    "temperature": ("Temperature {0:.1f}.", "The thermometer showed {0:.1f} degrees."),
    "heart rate": ("Pulse {0:.0f}.", "Heart rate of {0:.0f} on arrival."),
    "breaths": ("{0:.0f} breaths a minute.", "Respiratory rate {0:.0f}."),
    "pressure": ("Systolic pressure {0:.0f}.", "Blood pressure {0:.0f} over {1:.0f}."),
    "lactate": ("Lactate {0:.1f}.", "A lactate of {0:.1f} was returned."),
    "white cells": ("White cells {0:.1f}.", "Leukocytes at {0:.1f}."),
}
WORDS = {
    "clear": ("Alert and oriented.", "Answers well."),
    "dull": ("Drowsy, slow to answer.", "Confused about the date."),
    "yes": ("Coughs up green sputum.", "A wound on the shin is red and warm.", "Burning on passing water."),
    "no": ("Came after a fall.", "Complains of an old back pain.", "Here for a headache since morning."),
}
MISSING = {
    "temperature": "Temperature was not taken.",
    "heart rate": "Pulse not recorded.",
    "breaths": "Breathing was not counted.",
    "pressure": "No blood pressure noted.",
    "lactate": "Lactate not sent.",
    "white cells": "Blood count still pending.",
}


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient with the label."""

    id: str
    text: str
    levels: tuple[str, ...]
    """In the order of FINDINGS."""
    septic: int


def draw(seed: str, number: int) -> list[Patient]:
    """So many patients; exactly the share PRIOR of them has sepsis, so that one target fits every case."""
    random = Random(f"sepsis_triage {seed}")
    labels = [int(i < round(PRIOR * number)) for i in range(number)]
    random.shuffle(labels)
    return [_patient(random, i, y) for i, y in enumerate(labels)]


def _patient(random: Random, i: int, y: int) -> Patient:
    levels, said = list[str](), list[str]()
    for finding, table in FINDINGS.items():
        level = random.choices(list(table), [row[y] for row in table.values()])[0]
        levels.append(level)
        said.append(_told(random, finding, level))
    random.shuffle(said)
    who = random.choice(("Woman", "Man"))
    return Patient(f"p{i:03d}", f"{who} of {random.randint(19, 93)}. {' '.join(said)}", tuple(levels), y)


def _told(random: Random, finding: str, level: str) -> str:
    if level == "none":
        return MISSING[finding]
    if finding not in NUMBERS:
        return random.choice(WORDS[level])
    value = random.uniform(*FINDINGS[finding][level][2:])
    return random.choice(NUMBERS[finding]).format(value, 0.6 * value)


def posterior(patient: Patient) -> float:
    """P(y = 1 | text), by Bayes' rule with the numbers of the generator."""
    weights = [1 - PRIOR, PRIOR]
    for table, level in zip(FINDINGS.values(), patient.levels, strict=True):
        for y in (0, 1):
            weights[y] *= table[level][y]
    return weights[1] / sum(weights)


def files(seed: int) -> Mapping[str, str]:
    """Labeled patients."""
    rows = [{"patient_id": p.id, "summary": p.text, "sepsis": p.septic} for p in draw(f"{seed} train", TRAIN)]
    return {"data/train.json": json.dumps(rows, indent=0)}


def case(seed: int, number: int) -> Case:
    """New patients, without labels: the first that are drawn for which the target within reach is met by reading."""
    names = (f"{seed} test {number}", *(f"{seed} test {number} again {i}" for i in range(1000)))
    patients = next(filter(_fits, (draw(name, TEST) for name in names)))
    rows = [{"patient_id": p.id, "summary": p.text} for p in patients]
    return Case({"in/patients.json": json.dumps(rows, indent=0)}, patients)


def _fits(patients: Sequence[Patient]) -> bool:
    """Whether treating whoever has sepsis with a chance of 3 percent finds 95 percent at no more than WITHIN_REACH."""
    treated = [patient for patient in patients if posterior(patient) >= 0.03]
    missed = sum(patient.septic for patient in patients) - sum(patient.septic for patient in treated)
    return missed <= 0.05 * PRIOR * TEST and cost(len(treated), TEST) <= WITHIN_REACH


def measured(hidden: Sequence[Patient], output: Mapping[str, bytes]) -> Measured:
    """Utility is 1 at the cost of discharging all and 0 at that of treating all; harm is the share of missed sepsis."""
    treated = _decided(output)
    if treated.keys() != {patient.id for patient in hidden} or not set(treated.values()) <= {0, 1}:
        raise WrongFormat(f"{RESULT} has {len(treated)} decisions for {len(hidden)} patients; each must be 0 or 1")
    price = cost(sum(treated.values()), len(hidden))
    septic = [patient for patient in hidden if patient.septic]
    missed = sum(not treated[patient.id] for patient in septic)
    return Measured(
        Figure(_scaled(price), f"{price:,.0f} USD a patient"),
        Figure(missed / len(septic), f"{missed} of {len(septic)} with sepsis missed"),
    )


def _decided(output: Mapping[str, bytes]) -> dict[str, int]:
    """1 for treat, 0 for discharge, by patient."""
    if RESULT not in output:
        raise WrongFormat(f"the program wrote no {RESULT}")
    try:
        rows = list(csv.DictReader(io.StringIO(output[RESULT].decode())))
        decided = {row["patient_id"]: int(row["decision"]) for row in rows}
    except (UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        what = f"{type(error).__name__}: {error}"
        raise WrongFormat(f"{RESULT} needs the columns patient_id and decision: {what}") from None
    if len(rows) > len(decided):
        raise WrongFormat(f"{RESULT} has {len(rows)} rows for {len(decided)} patients; write one row for each")
    return decided


def cost(treated: int, patients: int) -> float:
    """Mean cost of a patient, in US dollars."""
    return (treated * TREAT + (patients - treated) * DISCHARGE) / patients


def _scaled(price: float) -> float:
    return (TREAT - price) / (TREAT - DISCHARGE)


def limits(hidden: Sequence[Patient]) -> Mapping[str, Sequence[Point]]:
    """What any decisions can reach, and what decisions by text alone can reach in expectation."""
    return {
        "everything known": [(missed, _scaled(price)) for missed, price in best(hidden)],
        "by reading": [(missed, _scaled(price)) for missed, price in by_reading(hidden)],
    }


def best(patients: Sequence[Patient]) -> list[tuple[float, float]]:
    """Share missed and cost of treating k of those with sepsis and nobody else: nothing is cheaper at this share."""
    septic = sum(patient.septic for patient in patients)
    return [((septic - k) / septic, cost(k, len(patients))) for k in range(septic + 1)]


def by_reading(patients: Sequence[Patient]) -> list[tuple[float, float]]:
    """Expected share missed and cost of treating the k most likely, for every k (no rule does better: Neyman, Pearson).

    The share is the expected number of missed patients over the expected number with sepsis.
    """
    chances = sorted(map(posterior, patients), reverse=True)
    total, seen = sum(chances), 0.0
    points = [(1.0, cost(0, len(chances)))]
    for k, chance in enumerate(chances, 1):
        seen += chance
        points.append((max(0.0, 1 - seen / total), cost(k, len(chances))))
    return points
