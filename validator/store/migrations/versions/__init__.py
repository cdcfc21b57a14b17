"""One file a step, in the order they were made."""
