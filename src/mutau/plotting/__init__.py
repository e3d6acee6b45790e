"""Figures and the report; the only room that imports matplotlib and plotly. No numbers here."""
