"""Statistics on plain arrays, with numpy and scipy only; nothing here knows what a run is."""
