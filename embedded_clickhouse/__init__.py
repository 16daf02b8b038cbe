"""The ClickHouse engine (chDB) behind the ClickHouse HTTP interface, for one machine."""
