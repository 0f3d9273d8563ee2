"""Unlikely counts: every series of people per service and region looked at together, once a minute, column by column.

A count is unlikely against what was forecast *before* its window began: a level and an hour of the week (`usual`), what
lifts all parts of a territory at once (`common`), and how far this series has wandered of late (`drift`). The tail is
that of a Poisson count whose mean is known only to a factor (`tail`). `field` holds the columns and turns the minutes.
"""
