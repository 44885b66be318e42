"""How a roster file is read: from bytes to rows of entries with their problems. It knows neither plans nor books."""
