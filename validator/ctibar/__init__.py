"""Logs agents in at another call centre and has it call numbers for them; no browser has their passwords."""
