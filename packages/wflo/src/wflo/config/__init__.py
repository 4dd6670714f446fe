"""Settings: from the environment, from .env, and from files with secrets."""
