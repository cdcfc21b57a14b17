"""The simulator's other call centre, of another vendor: login, agent bar, calls and call records."""
