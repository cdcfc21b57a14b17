"""Shows an agent the customer who calls."""
