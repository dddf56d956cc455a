"""What other tools call the measures and criteria, and where their number is another one."""

from audit.aliases.declaration import Alias
from audit.aliases.field import FIELD
from audit.aliases.imaging import IMAGING
from audit.aliases.libraries import LIBRARIES
from audit.aliases.toolkits import TOOLKITS

ALIASES: tuple[Alias, ...] = (*FIELD, *IMAGING, *LIBRARIES, *TOOLKITS)
"""Every other name; a name with several meanings has an entry for each."""

_ONLY_SPACING = str.maketrans("", "", " \t_-'\u2019.,")


def folded(name: str) -> str:
    """Reduce a name to what distinguishes it.

    Case, spaces, hyphens, underscores and British or American spelling do not; a trailing sign
    (LR+, LR-) does.
    """
    text = name.strip().casefold()
    for sign, word in (("+", "plus"), ("-", "minus"), ("−", "minus")):
        if len(text) > 1 and text.endswith(sign):
            text = text.removesuffix(sign) + word
    return text.translate(_ONLY_SPACING).replace("iz", "is")


def meanings(name: str) -> tuple[Alias, ...]:
    """Give every meaning that a name has elsewhere; none where it is not known.

    Examples
    --------
    >>> [alias.target for alias in meanings("Hit-Rate")]
    ['sensitivity']
    """
    wanted = folded(name)
    return tuple(alias for alias in ALIASES if folded(alias.name) == wanted)


def names_of(target: str) -> tuple[Alias, ...]:
    """Give every other name of a measure or criterion."""
    return tuple(alias for alias in ALIASES if alias.target == target)
