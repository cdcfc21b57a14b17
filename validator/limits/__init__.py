"""How often anything may be asked."""
