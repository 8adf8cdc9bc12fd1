"""Trainers by the `kind` of `improve.by`."""
