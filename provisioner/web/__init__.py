"""The site: it translates between requests and the rooms below, and decides nothing."""
