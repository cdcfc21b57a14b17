"""The views, one file a subject: parse, act, render."""
