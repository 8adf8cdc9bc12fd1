"""Simulated agents and judges with stated effects and errors, for `consultancy_sim.yaml` and `calibration.yaml`."""
