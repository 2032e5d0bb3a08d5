"""Programmes to be planned, made up, and what checks a plan of one; both know only the JSON of the API."""
