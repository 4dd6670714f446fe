"""Workflows of the scenarios, a module for each subject."""
