"""The web pages, a folder per feature: views and forms, whole."""
