"""Micro-stories: noticed, permitted word for word, released by marketing, withdrawn any day."""
