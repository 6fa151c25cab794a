"""Plausible wrong answers to the exercises, one module a chapter; the public tests must catch each."""
