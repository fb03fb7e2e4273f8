"""How many series share a budget "in all", so that together they raise what was promised: counted in one partition, in record order.

The count is taken up to the next number of a grid, each about a tenth above the one before. So the parts add up to no more than the budget
and to no less than nine tenths of it (ten series or more), and they are dealt anew only when the count has moved by a tenth: a birth costs
O(1), amortised.
"""

from dataclasses import dataclass, field

from streamkl.units import Budget

STEP = 10  # the grid grows by one part in so many


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a budget in all is divided by: `series`, all there are, or (0) those of each of `partitions` partitions."""

    series: int
    partitions: int

    def sharers(self, counted: int) -> int:
        """Series that have equal parts, seen from a partition that has met `counted` of them. Never fewer than those.

        >>> Fleet(series=0, partitions=1).sharers(9), Fleet(series=0, partitions=1).sharers(200)
        (9, 215)
        >>> Fleet(series=0, partitions=12).sharers(9), Fleet(series=500, partitions=1).sharers(9)
        (108, 500)
        """
        return max(self.series, on_grid(counted)) if self.series else self.partitions * on_grid(counted)


def on_grid(count: int) -> int:
    """The smallest of 1, 2, ... 20, 22, 24, 26, ... (each n followed by n + max(1, n // 10)) that is at least `count`. O(log count).

    >>> [on_grid(count) for count in (0, 1, 10, 20, 21, 23, 100)]
    [1, 1, 10, 20, 22, 24, 103]
    """
    number = 1
    while number < count:
        number += max(1, number // STEP)
    return number


@dataclass(slots=True)
class Count:
    """The series of one partition that share each budget in all, and the number each was last divided by. Other budgets are not counted."""

    fleet: Fleet
    series: dict[Budget, int] = field(default_factory=dict)
    sharers: dict[Budget, int] = field(default_factory=dict)
    due: bool = False  # whether a count has left its place on the grid

    def move(self, budget: Budget, by: int) -> None:
        """So many series more (or fewer, negative) under a budget; O(1)."""
        if budget.in_all:
            self.series[budget] = self.series.get(budget, 0) + by
            self.due = self.due or self.fleet.sharers(self.series[budget]) != self.of(budget)

    def of(self, budget: Budget) -> int:
        """What the budget is divided by as things stand; 1 for a budget of each series."""
        return self.sharers.get(budget, self.fleet.sharers(0)) if budget.in_all else 1

    def deal(self) -> None:
        """Divide anew by what is counted now."""
        self.sharers = {budget: self.fleet.sharers(counted) for budget, counted in self.series.items()}
        self.due = False
