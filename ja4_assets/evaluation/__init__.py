"""How good a score is, measured against the truth about who made the traffic."""
