"""Markdown pages become plays: parsed, checked, indexed, searched, decided by."""
