"""People who log in: accounts, login, lockout, sessions."""
