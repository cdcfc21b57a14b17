"""Shows agents their own softphone, and its password to those who prove theirs once more."""
