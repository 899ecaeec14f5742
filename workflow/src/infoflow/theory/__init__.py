"""Mean-field theory of wide random networks."""
