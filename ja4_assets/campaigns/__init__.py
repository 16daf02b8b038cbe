"""Which suspicious entities of an hour act as one, and which campaign of earlier hours they are."""
