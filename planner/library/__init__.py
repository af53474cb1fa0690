"""The library of the plan language: one table, read by the interpreter, the compiler, the prompt and the docs."""

from planner.library.function import Arguments, Implementation, KeyFunction, LibraryFunction, Receiver
from planner.library.table import FUNCTIONS, METHODS, RE_FUNCTIONS

__all__ = ["FUNCTIONS", "METHODS", "RE_FUNCTIONS", "Arguments", "Implementation", "KeyFunction", "LibraryFunction", "Receiver"]
