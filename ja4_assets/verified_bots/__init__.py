"""Whether a client that says it is a bot is the one it names: ranges, reverse DNS, signatures."""
