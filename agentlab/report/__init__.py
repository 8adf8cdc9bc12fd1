"""Pictures of a run, as SVG. They need `pip install 'agentlab[plots]'`."""
