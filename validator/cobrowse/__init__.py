"""Builds what other sites need to share a page with an agent: a snippet, or a browser extension."""
