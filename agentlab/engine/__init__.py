"""One rollout: prompts, calls, rounds, cuts. Knows no store and no scenario."""
