"""
The forum service: expert forums and what becomes of their advice.

It owns forums, the tree under review, panels with their eligibility, working groups, conclusions and
recommendations up to their verified implementation. It does not own cities and partnerships (it asks the exchange
service) nor the learnings that follow from a forum (the knowledge service makes them from its events).
"""
