"""The trainers by their kind in `improve.by`. A new one takes a line here."""

from collections.abc import Mapping

from agentlab.training.trainer import TrainerKind
from agentlab.training.trainers import command, exemplars, shares, weights

TRAINERS: Mapping[str, TrainerKind] = {
    "command": TrainerKind(command.CommandFields, command.train),
    "dpo": TrainerKind(weights.DpoFields, weights.train, weights.misfit, weights.lacking, True, weights.OPERATIONAL),
    "exemplars": TrainerKind(exemplars.ExemplarsFields, exemplars.train),
    "sft": TrainerKind(
        weights.SftFields, weights.train, weights.misfit, weights.lacking, operational=weights.OPERATIONAL
    ),
    "shares": TrainerKind(shares.SharesFields, shares.train, shares.misfit),
}
