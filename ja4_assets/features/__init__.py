"""Features of one entity hour: what they mean, and the frame that carries them."""
