"""1C:Enterprise: its web service, its exchanges and its files."""
