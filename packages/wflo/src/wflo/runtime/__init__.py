"""Running steps, and the engine on a database."""
