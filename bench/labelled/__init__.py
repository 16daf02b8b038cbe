"""Recordings with known truth, put through the real pipeline and kept as files."""
