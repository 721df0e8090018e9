"""Replies: composed from plays, checked whoever wrote them, approved by a person."""
