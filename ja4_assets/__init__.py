"""The Dagster code location: warehouse, features, models, scores and verdicts."""
