"""One module per page: reads through the store, shows through the components."""
