"""Scenarios: from YAML to a design in which every condition is resolved and checked (`loading`)."""
