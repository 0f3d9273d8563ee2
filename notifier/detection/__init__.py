"""Hearing customers: posts become complaints, complaints people, people counts, and unlikely counts signals."""
