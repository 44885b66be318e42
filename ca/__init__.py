"""A certificate authority as a library: no web, no database, no settings."""
