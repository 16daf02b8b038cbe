"""Tables as files: the rows that match, as CSV or Parquet."""
