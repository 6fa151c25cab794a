"""Plausible wrong answers to the exercises, one module a chapter; the tests must catch each."""
