"""The command line: one file a subject, the same words as the rooms."""
