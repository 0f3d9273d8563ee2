"""JMESPath over what strangers send: expressions checked when the configuration is read, answers bounded when they run.

The expressions are staff's and the data is not. An expression sees each element by itself, so that its work grows with
the answer and not faster; what could grow all the same (lists and texts it builds) is counted, and ends at a budget.
The language: https://jmespath.org/specification.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult
from jmespath.visitor import TreeInterpreter
from pydantic import AfterValidator

from ..shapes import Unreadable

STEPS = 1_000_000
"""What all expressions together may do to one answer: nodes visited, elements of lists built, and characters of texts
built (counted per 8 and per 64). 2,000 items of twelve fields take about 100,000."""
_LONGEST = 1000
_UNFIT = (JMESPathError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
"""What evaluating raises where the data is not what the expression takes it for: strings compared with numbers, a
function given another type, numbers beyond a float."""


def checked_expression(text: str) -> str:
    """`text` if it is a JMESPath expression whose functions exist and take so many arguments. Raises ValueError with a
    sentence."""
    if len(text) > _LONGEST:
        raise ValueError(f"expected a JMESPath expression of at most {_LONGEST} characters")
    try:
        parsed = compiled(text).parsed
    except EmptyExpressionError as error:
        raise ValueError("expected a JMESPath expression, not nothing") from error
    except LexerError as error:
        raise ValueError(f"expected a JMESPath expression; character {error.lexer_position + 1} makes none: "
                         f"{error.message[:80]}") from error
    except ParseError as error:
        at = "its end" if error.token_value in (None, "") else f"{error.token_value!r}"
        raise ValueError(f"expected a JMESPath expression; it stops making sense at character "
                         f"{error.lex_position + 1}, at {at}") from error
    except (JMESPathError, RecursionError) as error:
        raise ValueError("expected a JMESPath expression, and a simpler one") from error
    _check_functions(parsed)
    return text


Expression = Annotated[str, AfterValidator(checked_expression)]
"""A JMESPath expression; https://jmespath.org/tutorial.html."""


@lru_cache(maxsize=4096)
def compiled(text: str) -> ParsedResult:
    """An expression, parsed once. Raises JMESPathError."""
    return jmespath.compile(text)


def _check_functions(parsed: Any) -> None:
    """The library looks functions up only when they run; a misspelt one would be found on the day of the outage."""
    waiting = [parsed]
    while waiting:
        node = waiting.pop()
        waiting += [child for child in node.get("children", ()) if isinstance(child, dict)]
        if node["type"] != "function_expression":
            continue
        name, given = node["value"], len(node["children"])
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"expected a function that JMESPath has, not {name[:40]!r}: one of "
                             f"{', '.join(sorted(Functions.FUNCTION_TABLE))}")
        takes = Functions.FUNCTION_TABLE[name]["signature"]
        more = bool(takes and takes[-1].get("variadic"))
        if given < len(takes) or (given > len(takes) and not more):
            least = "at least " if more else ""
            raise ValueError(f"expected {least}{len(takes)} argument{'' if len(takes) == 1 else 's'} for {name}(), "
                             f"not {given}")


class _Spent(Exception):
    """The budget is used up."""


class Questions(TreeInterpreter):
    """The questions put to one answer, and the budget they share."""

    def __init__(self, steps: int = STEPS) -> None:
        super().__init__()
        self.left = steps

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """One node of an expression; counted."""
        found = super().visit(node, *args, **kwargs)
        self.left -= 1 if not isinstance(found, list | str | dict) else 1 + len(found) // (
            64 if isinstance(found, str) else 8)
        if self.left < 0:
            raise _Spent
        return found

    def ask(self, expression: str, value: Any) -> Any:
        """What `expression` finds in `value`; None also where `value` is not what it takes it for. Raises Unreadable
        where the answer asks for too much work."""
        try:
            return self.visit(compiled(expression).parsed, value)
        except _Spent as error:
            raise Unreadable("the answer is too much for the expressions that read it") from error
        except RecursionError as error:
            raise Unreadable("the answer is nested too deep for the expressions that read it") from error
        except _UNFIT:
            return None

    def holds(self, expression: str, value: Any) -> bool:
        """Whether `expression` is true of `value`, as JMESPath counts: not false, null or empty."""
        found = self.ask(expression, value)
        return not (found is None or found is False or found == "" or found == [] or found == {})
