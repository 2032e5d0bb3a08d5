"""Counts what holds and what does not."""

from collections.abc import Callable


class Checks:
    """Claims that were checked."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self._failures: list[str] = []

    def that(self, claim: str, holds: Callable[[], object]) -> bool:
        """Check a claim and say the result; whatever it raises is a failure."""
        try:
            held, why = bool(holds()), ""
        except Exception as error:  # noqa: BLE001 -- the next claim is checked all the same
            held, why = False, f": {str(error) or type(error).__name__}"
        line = f"{'ok      ' if held else 'NOT OK  '} {claim}{why}"
        print(line, flush=True)
        if not held:
            self._failures.append(line)
        self.passed += held
        self.failed += not held
        return held

    def summary(self) -> str:
        """Return the result in one line, after the claims that did not hold."""
        return "\n".join([*self._failures, f"{self.passed} passed, {self.failed} failed"])
