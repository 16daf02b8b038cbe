"""`ja4`: starts, stops and inspects the platform on one machine."""
