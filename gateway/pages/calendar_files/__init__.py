"""Visits, programmes and due dates for calendar programs: a file to download, and an address to subscribe to."""
