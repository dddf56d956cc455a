"""Where in its file a plan states each of its requirements."""

import yaml

from audit.yaml_file import Location, walk_nodes

SECTIONS = ("requirements", "coverage", "change", "checklists")


def requirement_lines(text: str) -> dict[str, int]:
    """Line of every requirement's id in the text of a plan, which has to be one."""
    root = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    lines: dict[Location, int] = {}
    if root is None:
        return {}
    walk_nodes(root, (), lines, [], "plan")
    stated = yaml.safe_load(text)
    return {
        str(one["id"]): lines.get((section, place, "id"), lines[section, place])
        for section in SECTIONS
        for place, one in enumerate(stated.get(section) or ())
    }
