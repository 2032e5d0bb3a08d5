"""
Scheduling: what takes place when and where, with whom; knows items, people and rooms, and neither rows nor messages.

`planner.Planner` is the way in: a `problem.Problem` in, a `plan.Plan` out.
"""
