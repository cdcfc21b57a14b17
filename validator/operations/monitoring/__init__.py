"""What a watcher is told of a running server: metrics, and a screen for people."""
