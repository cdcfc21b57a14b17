"""The audit trail: what was decided, for ever."""
