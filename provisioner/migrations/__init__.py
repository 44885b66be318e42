"""The steps from one form of the books to the next."""
