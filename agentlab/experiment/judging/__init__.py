"""Judges at work on a run: rollouts, pairs, groups, anchors, probes."""
