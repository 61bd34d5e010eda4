"""What a therapist looks at after a session: one person's weeks, and a session of two."""
