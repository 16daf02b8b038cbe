"""The analyst's screen and the JSON API; reads the marts only."""
