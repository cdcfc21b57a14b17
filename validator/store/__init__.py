"""The database that the rooms keep their tables in."""
