"""What agencies ask for in a letter, and who says yes. A request becomes rows of a roster: there is one path."""
