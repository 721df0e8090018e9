"""Delight Copilot: reads a support queue, drafts the reply, asks when the moment is right, keeps the story.

The rooms and the direction of data are drawn in README.md ("Where things are"); nothing lives at this level but the version.
"""

__version__ = "0.1.0"
