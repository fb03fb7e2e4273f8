"""What a fit says: each model with its parameters and what it loses, the best first."""

import msgspec


class Curve(msgspec.Struct, frozen=True):
    """What is lost, in nats, along one parameter while the others stay at the minimum."""

    parameter: str
    at: tuple[float, ...]
    nats: tuple[float, ...]


class ModelFit(msgspec.Struct, frozen=True):
    """One model at the parameters where it loses least. Nats and bits are per value; infinite ones are null in JSON, see `impossible`."""

    model: str
    parameters: dict[str, float]
    free_parameters: int  # those that were chosen by looking at the data
    kl_nats: float  # KL(data || model) over the cells
    kl_bits: float
    cross_entropy_nats: float  # entropy of the data + KL
    cross_entropy_bits: float
    aic_nats: float  # KL + free_parameters / n: Akaike's correction
    description_nats: float  # KL + free_parameters ln(n) / 2n: what it costs to tell the parameters too
    p_value: float | None  # about how often a true model would lose as much or more by chance; None: too few values to tell
    impossible: str | None
    shares: tuple[float, ...]  # what the model gives to each cell; the rest of 1 is where no data are
    curve: Curve | None


class Cell(msgspec.Struct, frozen=True):
    """From `low` to `high` (None: no end), and the share of the values in it. Of discrete values: half a unit to both sides of one."""

    low: float | None
    high: float | None
    share: float


class FitReport(msgspec.Struct, frozen=True):
    """The data, and the models tried, by `description_nats`, the best first."""

    values: int
    distinct: int
    kind: str  # "discrete" or "continuous"
    lowest: float
    highest: float
    cells: tuple[Cell, ...]
    entropy_nats: float  # of the shares of the cells
    entropy_bits: float
    models: tuple[ModelFit, ...]

    @property
    def best(self) -> ModelFit | None:
        """The first model, None where none is possible."""
        return self.models[0] if self.models and self.models[0].impossible is None else None

    def __getitem__(self, model: str) -> ModelFit:
        """A model by its name; KeyError where it was not tried."""
        for each in self.models:
            if each.model == model:
                return each
        raise KeyError(model)
