"""The search page, and the list that opens under the search field while one types."""
