"""Loads the settings: every section and its checks, its sources, its frozen policy."""
