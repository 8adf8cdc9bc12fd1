"""What forks of a rollout say: its path, shares by round and agent, the effect of a change."""
