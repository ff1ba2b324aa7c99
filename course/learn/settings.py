"""What decides a training run: settings within their ranges, and a description by which two runs are told apart."""

import functools
import hashlib
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType

import torch
from torch import Tensor, nn

PLAIN = (str, bytes, int, float, complex, bool, type(None))


# --- ranges -------------------------------------------------------------------------------------------------------


def whole(owner: object, least: int, *names: str) -> None:
    """Check that fields are whole numbers of at least `least`. Raises ValueError naming the field and its range."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ValueError(f"{_named(owner, name)} must be a whole number of at least {least}: found {value!r}")


def between(owner: object, least: float, most: float, *names: str, least_too: bool = True) -> None:
    """Check that fields are numbers from `least` (itself only if `least_too`) to `most`. Or it raises ValueError."""
    for name in names:
        value = getattr(owner, name)
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not least <= value <= most or (value == least and not least_too):
            start = f"at least {least:g}" if least_too else f"above {least:g}"
            end = "" if math.isinf(most) else f" and at most {most:g}"
            raise ValueError(f"{_named(owner, name)} must be a number {start}{end}: found {value!r}")


def finite(owner: object, *names: str) -> None:
    """Check that fields are finite numbers. Raises ValueError naming them."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError(f"{_named(owner, name)} must be a finite number: found {value!r}")


def _named(owner: object, name: str) -> str:
    return f"{type(owner).__name__}.{name}"


# --- descriptions -------------------------------------------------------------------------------------------------


def describe_run(model: nn.Module, config: object, **pieces: object) -> dict[str, str]:
    """Everything that decides a run, by name, as text: a configuration's fields, the model's shape, and its pieces.

    A piece is a function, another model, a tokenizer. Of a function count its name, what is bound to it (`partial`) or
    enclosed in it, and, outside the course, its code. The weights of the trained model do not count, as they change;
    those of any other model do. Not covered: global variables, and mutable values in functions of one's own.
    """
    described = {field.name: repr(getattr(config, field.name)) for field in fields(config)}
    described["model"] = f"{type(model).__name__} {_digest(_shapes(model))}"
    return described | {name: describe(piece, model) for name, piece in pieces.items()}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Where two descriptions differ, a phrase for each name."""
    return [
        f"{name} was {before.get(name, 'absent')} and is {now.get(name, 'absent')}"
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    ]


def describe(value: object, trained: nn.Module | None = None, own: bool = False) -> str:
    """A value as text that is the same in every process. `own` says that it is enclosed in a reader's own function."""
    if isinstance(value, functools.partial):
        bound = [*value.args, *value.keywords.items()]
        return _joined(describe(value.func, trained, own), "", [describe(one, trained, own) for one in bound])
    if isinstance(value, MethodType):
        return f"{describe(value.__self__, trained, own)}.{value.__func__.__name__}"
    if callable(value) and isinstance(getattr(value, "__wrapped__", None), FunctionType):  # such as functools.cache
        return describe(value.__wrapped__, trained, own)
    if isinstance(value, FunctionType):
        return _function(value, trained)
    if isinstance(value, nn.Module):
        return "the trained model" if value is trained else _weights(value)
    if isinstance(value, PLAIN):
        return repr(value)
    return _container(value, trained, own)


def _container(value: object, trained: nn.Module | None, own: bool) -> str:
    """What holds other values; of anything unknown, and of what may change under a reader's hands, the kind alone."""
    kind = type(value).__qualname__
    if isinstance(value, type | BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, tuple | frozenset) or (isinstance(value, list) and not own):
        if all(isinstance(one, PLAIN) for one in value) and not isinstance(value, frozenset):
            return repr(value) if len(value) <= 20 else f"{kind} of {len(value)} {_digest(repr(value))}"
        parts = [describe(one, trained, own) for one in value]
        return _joined(kind, "", sorted(parts) if isinstance(value, frozenset) else parts)
    if isinstance(value, dict) and not own:
        return _joined(kind, "", [f"{describe(key, trained)}: {describe(one, trained)}" for key, one in value.items()])
    if is_dataclass(value) and value.__dataclass_params__.frozen:
        parts = [f"{one.name}={describe(getattr(value, one.name), trained, own)}" for one in fields(value)]
        return _joined(kind, "", parts)
    if isinstance(value, Tensor) and not own:
        return f"{kind} {_tensor(value)}"
    if callable(vocabulary := getattr(value, "get_vocab", None)):
        return f"{kind} {_digest(repr(sorted(vocabulary().items())))}"
    return kind


def _function(function: Callable, trained: nn.Module | None) -> str:
    """A function's name and what it encloses; the course's own have one code, others are known by theirs too."""
    own = not (function.__module__ or "").startswith("course.")
    name = f"{function.__module__}.{function.__qualname__}".removeprefix("course.")
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    enclosed = []
    for variable, cell in cells:
        try:
            inside = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if inside is not function:
            enclosed.append(f"{variable}={describe(inside, trained, own)}")
    defaults = [describe(one, trained, own) for one in (function.__defaults__ or ())] if own else []
    code = _digest(_code(function.__code__) + repr(defaults)) if own else ""
    return _joined(name, code, enclosed)


def _code(code: CodeType) -> str:
    """What a function does, without where it stands."""
    constants = [
        _code(one) if isinstance(one, CodeType) else repr(sorted(map(repr, one)) if isinstance(one, frozenset) else one)
        for one in code.co_consts
    ]
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _joined(name: str, code: str, parts: list[str]) -> str:
    """A name with what belongs to it in brackets: spelled out if it is short, else its number and a digest."""
    inside = ", ".join(parts)
    if len(inside) > 200:
        inside = f"{len(parts)} values {_digest(inside)}"
    return " ".join(filter(None, (name, code))) + (f"({inside})" if parts else "")


def _shapes(model: nn.Module) -> str:
    return repr(sorted((name, tuple(one.shape), str(one.dtype)) for name, one in model.state_dict().items()))


def _weights(model: nn.Module) -> str:
    parts = [f"{name} {_tensor(one)}" for name, one in model.state_dict().items()]
    return f"{type(model).__name__} {_digest(repr(parts))}"


def _tensor(value: Tensor) -> str:
    plain = value.detach().cpu().contiguous()
    content = plain.view(-1).view(torch.uint8).numpy().tobytes()
    return f"{tuple(value.shape)} {value.dtype} {hashlib.blake2b(content, digest_size=6).hexdigest()}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
