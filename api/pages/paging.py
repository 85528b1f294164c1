"""A long list, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many; pages are counted from 1."""

    items: tuple[T, ...]
    number: int
    pages: int
    total: int


def page_of(items: Sequence[T], wanted: str, size: int) -> Page[T]:
    """The page that was asked for; the nearest there is, if there is none."""
    pages = max(1, -(-len(items) // size))
    number = min(max(int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 1, 1), pages)
    return Page(tuple(items[(number - 1) * size : number * size]), number, pages, len(items))
