"""The product profile in `equipoise.yaml`: what the product is and which instruments it follows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from audit.plan import Product
from audit.problems import InputError, Problem
from audit.yaml_file import FileKind, parse_record, read_text
from checklists.catalogue import Catalogue, load_catalogue
from checklists.facts import Facts

_KIND = FileKind(
    code="not_a_profile",
    name="a product profile",
    start="start one with `equipoise checklist init`",
    remedy="see `equipoise schema profile`",
)


class ProfileSection(Facts):
    """The section `profile` of equipoise.yaml."""

    instruments: tuple[str, ...] = Field(
        (),
        description="Instruments that are followed, or YAML files of one's own; all that the "
        "facts leave in scope when empty.",
    )


class _ProfileFile(BaseModel):
    """The parts of equipoise.yaml that checklists read; the rest is the audit plan's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    product: Product = Product()
    profile: ProfileSection | None = None
    data: tuple[str, ...] | str = ()

    @field_validator("profile", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        """A section with every fact commented out is a profile that states none."""
        return {} if value is None else value


@dataclass(frozen=True)
class Profile:
    """A product as the checklists see it.

    `path` is the file it came from; `data` and `model` are the files that the plan beside it
    names, as absolute paths; `own` names the files of one's own instruments as the profile does.
    """

    path: Path
    product: Product
    facts: Facts
    catalogue: Catalogue
    instruments: tuple[str, ...]
    data: tuple[Path, ...]
    model: Path | None
    own: tuple[str, ...] = ()


def read_profile(path: Path) -> Profile:
    """Read the profile, and the instruments that it follows.

    Raises
    ------
    InputError
        With every problem found: no such file, no profile in it, unknown facts or values, an
        instrument that does not exist.
    """
    absent = "check the path, or start one with `equipoise checklist init`"
    read = parse_record(read_text(path, absent), str(path), _ProfileFile, _KIND)
    if read.profile is None:
        reason = "it has no section 'profile'"
        raise InputError(Problem("no_profile", str(path), reason, _KIND.start))
    stated = read.profile.model_dump(exclude={"instruments"})
    own = tuple(name for name in read.profile.instruments if name.endswith((".yaml", ".yml")))
    files = tuple((path.parent / name).resolve() for name in own)
    # Without files of one's own it is the call that is made elsewhere, checked and kept once.
    catalogue = load_catalogue(files) if files else load_catalogue()
    data = (read.data,) if isinstance(read.data, str) else read.data
    model = read.product.model
    return Profile(
        path=path,
        product=read.product,
        facts=Facts(**stated),
        catalogue=catalogue,
        instruments=_followed(read.profile.instruments, catalogue, path),
        data=tuple((path.parent / name).resolve() for name in data),
        model=None if model is None else (path.parent / model).resolve(),
        own=own,
    )


def _followed(names: tuple[str, ...], catalogue: Catalogue, path: Path) -> tuple[str, ...]:
    """Ids of the instruments named, and of those in files of one's own; all when none is named."""
    if not names:
        return tuple(catalogue.instruments)
    shipped = load_catalogue().instruments
    named = {name for name in names if not name.endswith((".yaml", ".yml"))}
    for name in named:
        try:
            catalogue.instrument(name)
        except InputError as error:
            problem = error.problems[0]
            raise InputError(
                Problem(problem.code, str(path), problem.reason, problem.remedy)
            ) from None
    return tuple(id for id in catalogue.instruments if id in named or id not in shipped)
