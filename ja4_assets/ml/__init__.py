"""Isolation Forest over entity hours: training, explanation, examination, promotion, registry."""
