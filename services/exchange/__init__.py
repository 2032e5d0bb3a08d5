"""
The exchange service: what binds the home city to others, and the visits that come of it.

It owns cities, partnerships, exchanges, visits with their delegations, programmes and debriefs, and the bookings of
rooms and people. It does not own forums, nor the learnings that follow from a debrief (the knowledge service makes
them from ``VisitReported``), nor accounts.
"""
