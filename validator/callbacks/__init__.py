"""The cloud asks whether a token is good; this room answers."""
