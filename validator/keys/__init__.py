"""The keys: what signs, and what seals secrets at rest."""
