"""Puts the parts together: sources, pipeline and sinks of one run."""
