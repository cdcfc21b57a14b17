"""The form for the cloud's administrator: what to register there."""
