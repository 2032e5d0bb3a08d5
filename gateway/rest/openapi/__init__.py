"""The API as OpenAPI 3.1, made from the contract: its paths, messages, field rules and comments."""
