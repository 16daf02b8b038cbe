"""Dagster glue, one module per domain: each declares assets and calls pure code beside it."""
