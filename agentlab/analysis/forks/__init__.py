"""What the forks of a run say."""
