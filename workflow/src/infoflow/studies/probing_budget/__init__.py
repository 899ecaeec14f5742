"""How little probing is enough."""
