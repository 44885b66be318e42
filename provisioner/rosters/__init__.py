"""Rosters: many people and units at once, from the file of an HR office to the books and back."""
