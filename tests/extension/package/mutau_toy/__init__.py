"""Toys for mutau: one module for each thing that another package can add."""
