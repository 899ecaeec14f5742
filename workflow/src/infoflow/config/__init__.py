"""Configuration: defaults, settings, and refusal of everything that is not meant, before any job is planned."""
