"""A recorded result in which one member is spoilt: what the schema still accepts, the model accepts too."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.models.versions import models_of
from proxy.spec.examples import recorded_examples
from tests.support.validation import result_fault

Path = tuple[str | int, ...]
SPOILT: tuple[Any, ...] = (None, "?", -5, 1.5, True, [], {})
PER_METHOD = 25


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        yield from paths(each, (*path, name))


def spoil(value: Any, path: Path, choose: random.Random) -> Any:
    value = copy.deepcopy(value)
    inside = value
    for name in path[:-1]:
        inside = inside[name]
    if isinstance(inside, dict) and choose.random() < 0.3:
        del inside[path[-1]]
    else:
        inside[path[-1]] = choose.choice(SPOILT)
    return value


def accepted(model: TypeAdapter[Any], value: Any) -> bool:
    try:
        model.validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("version", [1, 2, 3])
def test_spoilt_results(version: int) -> None:
    choose = random.Random(version)
    models = models_of(version)
    refused = total = 0
    lax = []
    for method, example in recorded_examples(version).successes.items():
        result = {name: value for name, value in example.http["result"].items() if name != "status"}
        model = TypeAdapter(models.types[models.methods[method].stem + "SuccessResponse"])
        known = list(paths(result))
        for path in choose.sample(known, min(PER_METHOD, len(known))):
            value = spoil(result, path, choose)
            if "error" in value:
                continue
            total += 1
            if result_fault(version, method, value):
                refused += 1
            elif not accepted(model, value):
                lax.append(f"{method} {path}: {value}")
    assert not lax
    assert total > 500
    assert refused > total / 3
