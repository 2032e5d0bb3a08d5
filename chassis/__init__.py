"""What every process of Austausch stands on. It knows no noun of the domain and imports no service."""

__version__ = "0.1.0"
