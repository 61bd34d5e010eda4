"""Estimates and answers in, prompts and break steps out; pure."""
