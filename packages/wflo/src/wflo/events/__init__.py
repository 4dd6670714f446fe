"""What happened to runs, and telling others of it."""
