"""Reference data about networks and clients: where it comes from, how it is read and stored by version."""
