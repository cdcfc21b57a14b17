"""What operators run beside the server; nothing here serves a request of the enterprise."""
