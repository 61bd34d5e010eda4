"""The client's page."""
