"""The one journal, and cursors of those who read it."""
