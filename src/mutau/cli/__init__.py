"""One program, `mutau`; every verb is one call of the Python API.

Why it is as it is. What can be asked at the terminal can be asked in Python and gives the same
digits, so a verb parses, calls, prints, and computes nothing. With `--json` one object is on
stdout and nothing else; progress and warnings go to stderr. Wrong input ends with code 2 and a
message of value, place, what is allowed and what to do, before any work. Modules load when a verb
needs them: `--help` comes before the eye waits.
"""
