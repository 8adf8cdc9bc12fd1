"""Where programs of agents are run: no network, no view of the host, limits on everything, nothing left behind."""
