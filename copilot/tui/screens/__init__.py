"""Screens own behaviour, focus and bindings."""
