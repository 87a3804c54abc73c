"""Pytest fixtures of the sandbox."""
