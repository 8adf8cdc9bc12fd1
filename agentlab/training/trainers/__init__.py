"""The trainers by their kind in `improve.by`. A new one takes a line here."""

from collections.abc import Mapping

from agentlab.training.trainer import TrainerKind
from agentlab.training.trainers import exemplars, shares

TRAINERS: Mapping[str, TrainerKind] = {
    "exemplars": TrainerKind(exemplars.ExemplarsFields, exemplars.train),
    "shares": TrainerKind(shares.SharesFields, shares.train, shares.misfit),
}
