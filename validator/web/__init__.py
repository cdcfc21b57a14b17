"""What every HTTP exchange shares."""
