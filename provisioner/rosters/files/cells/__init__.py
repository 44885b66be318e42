"""One cell, one value. Each reader takes tidied text, notes what is wrong and never raises."""
