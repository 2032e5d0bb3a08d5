"""``python -m operate``: the same as ``austausch``."""

from operate.command import main

if __name__ == "__main__":
    main()
