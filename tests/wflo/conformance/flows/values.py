"""What steps are given, and what they return."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from wflo import Workflow


class Customer(BaseModel):
    name: str
    since: date


class Line(BaseModel):
    what: str
    amount: Annotated[int, Field(ge=1)]
    price: Decimal


class Order(BaseModel):
    customer: Customer
    lines: list[Line]


class Invoice(BaseModel):
    to: str
    total: Decimal
    due: date | None = None


greeting = Workflow("greeting")


@greeting.step()
async def greet(name: str, times: int = 2) -> str:
    return " ".join([name] * times)


order = Workflow("order")


@order.step()
async def price(order: Order) -> Invoice:
    total = sum((line.amount * line.price for line in order.lines), Decimal(0))
    return Invoice(to=order.customer.name, total=total, due=date(2026, 1, 31))


@order.step()
def post(price: Invoice) -> str:
    assert isinstance(price, Invoice)
    return f"{price.to} owes {price.total} by {price.due}"


async def gives(value: str):
    return {
        "text": "ten",
        "set": {1, 2},
        "nan": float("nan"),
        "nested": {"rows": [{"ok": 1}, {"bad": object()}]},
        "key": {1: "one"},
    }[value]


plain = Workflow("plain")
plain.step("give")(gives)

typed = Workflow("typed")


@typed.step()
async def number(value: str) -> int:
    return await gives(value)


async def as_it_is(value):
    return value


echo = Workflow("echo")
echo.step("first")(as_it_is)


@echo.step()
async def again(first):
    return first


@echo.step()
async def size(again) -> int:
    return -1 if again is None else len(again)


nothing = Workflow("nothing")


@nothing.step()
async def silent() -> None:
    pass


@nothing.step()
async def hears(silent) -> str:
    return f"heard {silent!r}"


unread = Workflow("unread")


@unread.step()
async def ignores() -> str:
    return "done"


@unread.step()
async def asks(ctx, only: str = "default") -> dict:
    return {"only": only, "inputs": dict(ctx.inputs)}
