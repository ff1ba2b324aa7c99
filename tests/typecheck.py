"""The checker of signatures while tests run: an int may stand where a float is asked for (PEP 484)."""

from beartype import BeartypeConf, beartype
from beartype.claw import beartype_packages
from jaxtyping import install_import_hook

# typer has its own idea of the command line's types, so `cli` is in neither
ROOMS_WITH_SHAPES = ("model", "think", "learn", "teach", "chapters")
# binding shapes would double the time their tests take
OTHER_ROOMS = ("world", "presets", "contents", "experiments", "serve")

RULES = BeartypeConf(is_pep484_tower=True, claw_is_pep526=False)
typecheck = beartype(conf=RULES)


def check_signatures() -> None:
    """Check every call into the library from here on: types everywhere, shapes of tensors where there are any."""
    install_import_hook([f"course.{room}" for room in ROOMS_WITH_SHAPES], "tests.typecheck.typecheck")
    beartype_packages([f"course.{room}" for room in OTHER_ROOMS], conf=RULES)
