"""Scheduling runs, and managing them and their state."""
