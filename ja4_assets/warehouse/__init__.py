"""The dbt project as Dagster assets: where it is, how it reaches the database, how its nodes are named."""
