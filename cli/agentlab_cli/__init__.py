"""The `agentlab` command: parses options, calls the package, prints. No logic of its own."""
