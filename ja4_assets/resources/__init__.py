"""Dagster resources: the database and the model registry."""
