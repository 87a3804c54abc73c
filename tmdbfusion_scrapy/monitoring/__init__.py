"""Crawls watched: what a user sees of them, reports, metrics, traces, monitors, checks of what they need."""
