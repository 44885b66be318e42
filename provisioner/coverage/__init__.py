"""How far it has come: questions put to the books at a moment, never counters kept by hand."""
