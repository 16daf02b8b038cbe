"""Schema of every ClickHouse table that Python inserts into, as Alembic migrations.

`python -m ja4_assets.storage upgrade|downgrade|current [REVISION] [--url URL]`. Tables that dbt builds are
not here. A schema change is a new file in `migrations/versions/`; a released one is never edited.
"""
