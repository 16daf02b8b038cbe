"""The analyst's screen and its JSON API: reads the dbt marts, imports neither the agent nor the assets.

Four roles: `filters` holds state, `store` reads, `pages` and `components` present, `app` assembles.
"""
