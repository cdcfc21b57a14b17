"""Passes events, such as call records, on to a system of the enterprise by Standard Webhooks."""
