"""Simulated models of known weakness for adversarial arithmetic, and what its programs call."""
