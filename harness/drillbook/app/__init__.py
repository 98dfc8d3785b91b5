"""The command line, the pytest plugin, and the drill that both run."""
