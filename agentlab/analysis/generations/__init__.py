"""What a self-training loop did, generation by generation."""
