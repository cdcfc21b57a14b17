"""nginx, the reverse proxy: its configuration, its error responses, its limits."""
