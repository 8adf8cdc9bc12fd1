"""From a design to a run: what is played, judged, resampled, priced and planned."""
