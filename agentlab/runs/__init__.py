"""A run read back: as frames, as transcripts; brought in from elsewhere and taken out."""
