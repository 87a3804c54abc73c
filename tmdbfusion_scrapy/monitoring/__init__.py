"""Crawls watched from outside and inside: metrics, traces, monitors, logs."""
