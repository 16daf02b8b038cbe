"""Reads the marts: one SQL file per read, bound parameters, typed rows."""
