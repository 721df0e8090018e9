"""Widgets take models in and post messages out."""
