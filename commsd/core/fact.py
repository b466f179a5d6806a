"""Frozen values that are made by the million: `@fact` stands where `@dataclass(frozen=True)` would cost too much.

A frozen dataclass sets each field through `object.__setattr__`, and so costs four times as much to make. Here the type
checker alone forbids to change one; all else is a dataclass with slots and keywords.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def fact(cls: type[T]) -> type[T]:
    """The class as a dataclass that nobody may change once it is made."""
    return dataclass(slots=True, kw_only=True)(cls)
