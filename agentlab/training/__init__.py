"""Self-training: generations of an organization that learns from its own judged rollouts."""
