"""Traffic that was never on a wire: what no recording is long enough to show."""
