"""Removing a person's address from everything that is stored."""
