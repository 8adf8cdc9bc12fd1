"""Inference engines that agentlab starts itself, each in a process and an environment of its own."""
