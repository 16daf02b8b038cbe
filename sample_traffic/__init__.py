"""The bundled recording of real clients, and the amplifier that spreads it into a day."""
