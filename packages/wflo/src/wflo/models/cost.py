"""What was spent, in whole millionths of a US dollar."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from wflo.models.base import MicroUsd, Model, Text

_MICRO = 1_000_000

# Of one line: a thousand million dollars. Sums of thousands of them are 64-bit integers still.
_MOST = 10**15

Tokens = Annotated[int, Field(ge=0, le=2**63 - 1)]


class CostLine(Model):
    """One thing that cost something.

    Attributes:
        micro_usd: What it cost, in millionths of a US dollar; up to 10**15, as are the tokens.
        label: What it was, for people: a model's name, a service.
        input_tokens: Tokens that were sent, where that is how it is counted.
        output_tokens: Tokens that came back.
    """

    micro_usd: Annotated[int, Field(ge=0, le=_MOST)]
    label: Annotated[Text, Field(max_length=200)] = ""
    input_tokens: Annotated[int, Field(ge=0, le=_MOST)] = 0
    output_tokens: Annotated[int, Field(ge=0, le=_MOST)] = 0


class CostSummary(Model):
    """The sum of such lines.

    Attributes:
        micro_usd: In millionths of a US dollar.
        lines: How many lines were summed.
        input_tokens: Tokens that were sent.
        output_tokens: Tokens that came back.
    """

    micro_usd: MicroUsd = 0
    lines: Annotated[int, Field(ge=0)] = 0
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0

    def __str__(self) -> str:
        return format_usd(self.micro_usd)


def format_usd(micro_usd: int) -> str:
    """``$1.50``, with as many more digits (up to six) as there are: ``$0.000125``."""
    whole, rest = divmod(abs(micro_usd), _MICRO)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micro_usd < 0 else ''}${whole:,}.{digits}"
