"""Whole stretches and notes beside segments and sentences."""
