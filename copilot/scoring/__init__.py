"""Counts what the flow did; never scores a person."""
