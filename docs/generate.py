"""Write the reference pages from the code, and the instruments as JSON: python docs/generate.py.

The tests fail when one of them differs from what the code, or an instrument, says now.
"""

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def pages() -> dict[str, str]:
    """Every generated page by its name under docs/."""
    from commands.schema import run_schema

    return {
        "measures.md": measures_page(),
        "criteria.md": criteria_page(),
        "aliases.md": aliases_page(),
        "words.md": words_page(),
        "cli.md": cli_page(),
        "plan.md": plan_page(),
        "model.md": model_page(),
        "checklists.md": checklists_page(),
        "instruments.md": instruments_page(),
        "plan.schema.json": run_schema("plan"),
        "model.schema.json": run_schema("model"),
        "result.schema.json": run_schema("result"),
        "comparison.schema.json": run_schema("comparison"),
        "instrument.schema.json": run_schema("instrument"),
        "answers.schema.json": run_schema("answers"),
        "profile.schema.json": run_schema("profile"),
        "waivers.schema.json": run_schema("waivers"),
        "lock.schema.json": run_schema("lock"),
    }


def measures_page() -> str:
    """The measure catalogue: every declared field of every measure."""
    from audit.measures import DECLARED
    from commands.declarations import measure_facts

    lines = ["# Measures", "", "`equipoise explain ID` prints the same. Ids are stable.", ""]
    for m in DECLARED.values():
        lines += _entry(m.id, m.name, m.reading, measure_facts(m), m.reference)
    return "\n".join(lines)


def criteria_page() -> str:
    """The named fairness criteria."""
    from audit.criteria_table import CRITERIA
    from commands.declarations import criterion_facts

    lines = [
        "# Named fairness criteria",
        "",
        "Computed for every attribute from the estimates of its levels; a level without enough "
        "data is left out and named, never counted as zero. With unequal prevalence most of them "
        "cannot hold together (Chouldechova 2017, doi:10.1089/big.2016.0047; Kleinberg et al. "
        "2017, doi:10.4230/LIPIcs.ITCS.2017.43): which of them matters is for the plan to say.",
        "",
    ]
    for c in CRITERIA.values():
        lines += _entry(c.id, c.name, c.reading, criterion_facts(c), c.reference)
    return "\n".join(lines)


def aliases_page() -> str:
    """Names in other tools, and what they are here."""
    from audit.aliases import ALIASES

    lines = [
        "# Names in other tools",
        "",
        "`equipoise explain NAME` prints the same; capitals, spaces, hyphens and British or "
        "American spelling do not matter. Where the number is another one, the last column says "
        "how. [peers.md](peers.md) shows the main differences on small examples.",
        "",
    ]
    users = sorted({alias.tools for alias in ALIASES}, key=lambda tools: (bool(tools), tools))
    for tools in users:
        lines += [f"## {' and '.join(tools) if tools else 'In the field'}", ""]
        lines += ["| name | here | difference |", "| --- | --- | --- |"]
        lines += [_alias_row(a) for a in ALIASES if a.tools == tools]
        lines.append("")
    return "\n".join(lines)


def _entry(
    id: str, name: str, reading: str, facts: list[tuple[str, str]], reference: str
) -> list[str]:
    from commands.declarations import other_names

    names = other_names(id)
    lines = [f"## `{id}` {name}", "", reading, ""]
    lines += [f"- {label}: {text}" for label, text in facts]
    lines.append(f"- Reference: {reference}")
    if names.same:
        lines.append(f"- Also called: {', '.join(names.same)}")
    return [*lines, ""]


def _alias_row(alias: Any) -> str:
    here = "none" if alias.target is None else f"`{alias.target}`"
    compared = {"difference": ", difference", "ratio": ", ratio", "gap": ", gap"}
    here += compared.get(alias.contrast, "")
    note = alias.note or "the same"
    return f"| {alias.name.replace('|', chr(92) + '|')} | {here} | {note} |"


def words_page() -> str:
    """Statuses, verdicts and methods."""
    from audit.glossary import METHODS, STATUSES, VERDICTS

    lines = ["# Words in a result", ""]
    for title, entries in (
        ("Status of an estimate or disparity", STATUSES),
        ("Status of a verdict", VERDICTS),
        ("Methods", METHODS),
    ):
        lines += [f"## {title}", ""]
        for entry in entries:
            reference = f" ({entry.reference})" if entry.reference else ""
            lines.append(
                f"- **`{entry.id}`** {entry.name}. {entry.meaning} {entry.reading}{reference}"
            )
        lines.append("")
    return "\n".join(lines)


def plan_page() -> str:
    """Every key of the plan, and the worked examples."""
    from audit.plan import Plan

    schema = Plan.model_json_schema()
    parts = schema["$defs"]
    lines = [
        "# The plan",
        "",
        "A plan is a YAML file, `equipoise.yaml`; `equipoise init` starts one from the columns of "
        "your file. Unknown keys are refused, and `equipoise explain ID` tells what measures and "
        "methods are. A list of one text may be written without its brackets, and an attribute of "
        "which there is nothing to say as `sex:` alone. The schema is in "
        "[plan.schema.json](plan.schema.json).",
        "",
        *_keys("plan", schema),
    ]
    for name, key in schema["properties"].items():
        for part in re.findall(r"#/\$defs/(\w+)", json.dumps(key)):
            lines += _keys(name, parts[part])
    examples = (HERE / "plan_examples.md").read_text(encoding="utf-8")
    return "\n".join([*lines, examples])


def model_page() -> str:
    """Every key of the declaration of a model, and examples."""
    from audit.models.spec import ModelSpec

    schema = _with_names(ModelSpec.model_json_schema())
    lines = [
        "# Declaring a model",
        "",
        "A `.skops` file and an MLflow folder of scikit-learn say themselves what goes in and what "
        "comes out. The files of torch (`torch.export` archives, TorchScript, weights) and of ONNX "
        "do not: a YAML file beside them says it, and `equipoise predict` takes that file. Nothing "
        "is guessed. Pickles, factories and callables run code and need `--trust`. Torch and ONNX "
        'need `pip install "equipoise[torch]"` and `"equipoise[onnx]"`. The schema is in '
        "[model.schema.json](model.schema.json).",
        "",
        "Images are named by a column of the cohort's table, from the folder of the table or from "
        "`--images`: DICOM files and folders of one series, NIfTI, PNG, JPEG, TIFF, `.npy` and "
        "`.npz`. Masks and made images are written as files beside the output (PNG for planes, "
        "NIfTI for volumes whose place in space is known, else `.npy`), and the new column names "
        "them. A unit that cannot be read or predicted keeps its row, with a null and a reason in "
        "the column that ends in `_problem`. Finished parts are kept in a folder beside the "
        "output until all is done: the same call goes on where a run was stopped, and gives the "
        "same bytes.",
        "",
        "Archives are checked before they are opened: names of operators, sizes and pickled types "
        "against lists of what is known to be harmless. That is a check and no sandbox; run models "
        "of unknown origin where they can do no harm.",
        "",
        *_keys("model", schema),
    ]
    for name, part in schema["$defs"].items():
        lines += _keys(name, part)
    examples = (HERE / "model_examples.md").read_text(encoding="utf-8")
    return "\n".join([*lines, examples])


def _with_names(schema: Any) -> Any:
    """Put the name of a part where the schema refers to it."""
    if isinstance(schema, list):
        return [_with_names(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {**schema, "enum": [schema["$ref"].rsplit("/", 1)[1]]} | {"$ref": None}
    return {key: _with_names(item) for key, item in schema.items()}


def _keys(name: str, part: dict[str, Any]) -> list[str]:
    """One part of a file and its keys as a table."""
    required = part.get("required", [])
    lines = [f"## `{name}`", "", part["description"], ""]
    lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for key, field in part["properties"].items():
        default = "required" if key in required else _default(field)
        meaning = field.get("description", "").replace("|", r"\|")
        lines.append(f"| `{key}` | {_kind(field)} | {default} | {meaning} |")
    return [*lines, ""]


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    if default in (None, "", [], {}):
        return ""
    if isinstance(default, dict):
        return "as below"
    return f"`{json.dumps(default, ensure_ascii=False).strip(chr(34))}`"


def _kind(field: dict[str, Any]) -> str:
    """The type of a key in words, from its JSON schema."""
    if field.get("$ref"):
        return "keys below"
    if "anyOf" in field or "oneOf" in field:
        several = field.get("anyOf", field.get("oneOf", []))
        kinds = [_kind(one) for one in several if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if isinstance(field.get("additionalProperties"), dict):
        return f"for each name: {_kind(field['additionalProperties'])}"
    if "prefixItems" in field:
        return f"[{', '.join(_kind(item) for item in field['prefixItems'])}]"
    if "type" not in field:
        return "anything"
    if field["type"] == "object":
        return "mapping"
    if field["type"] == "array":
        items = _kind(field["items"])
        if field["items"].get("$ref"):
            return f"list, each with the {items}"
        return f"list of {items}" if "`" in items else f"list of {items}s"
    words = {"string": "text", "integer": "whole number", "boolean": "yes or no"}
    return words.get(str(field["type"]), str(field["type"])) + _limits(field)


def _limits(field: dict[str, Any]) -> str:
    words = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    told = [f" {word} {field[key]:,}" for key, word in words.items() if key in field]
    return "".join(told)


def checklists_page() -> str:
    """The guide to the checklists, then every fact of the profile and every scale of answers."""
    from checklists.facts import Facts
    from checklists.scales import SCALES
    from checklists.vocabulary import KEY_NAMES, STATUS_NAMES
    from commands.checklist.start import values_of_fact

    lines = [(HERE / "checklists_guide.md").read_text(encoding="utf-8"), "## Facts of the profile"]
    lines += ["", "A fact that is left out is unknown; it never takes an item away.", ""]
    for name, field in Facts.model_fields.items():
        lines.append(f"- `{name}`: {field.description} {values_of_fact(name)}.")
    lines += ["", "## Scales of answers", ""]
    lines += [
        "An item is answered in the words of its own scale; each word means a status. What only "
    ]
    lines[-1] += "describes the system is stated, never met."
    lines.append("")
    for scale in SCALES.values():
        met = STATUS_NAMES["met"] if scale.judged else "stated"
        names = {**STATUS_NAMES, "met": met}
        words = "; ".join(f"`{r.id}` {r.label} ({names[r.status]})" for r in scale.responses)
        lines.append(f"- `{scale.id}`, {scale.name}: {words}.")
    lines += ["", "## Keys of evidence", "", "What an audit can say to an item:", ""]
    lines += [f"- `{key}` {name}" for key, name in KEY_NAMES.items()]
    return "\n".join([*lines, ""])


def instruments_page() -> str:
    """Every instrument: source, editions with dates, what was checked and how far."""
    from checklists.catalogue import load_catalogue
    from checklists.vocabulary import CERTAINTY_NAMES

    catalogue = load_catalogue()
    lines = [
        "# Instruments",
        "",
        f"{len(catalogue.instruments)} instruments, {len(catalogue.items)} items, all in our own "
        "words. `equipoise checklist list` prints the same; `show ITEM` shows an item whole. What "
        "is called checked was read by us on the date given; it is no legal advice.",
        "",
    ]
    for i in catalogue.instruments.values():
        lines += [f"## `{i.id}` {i.title}", "", i.purpose, ""]
        lines.append(f"- {i.publisher}; {i.status}; {i.jurisdiction}; {len(i.items)} items")
        for edition in i.editions:
            published = f", published {edition.published}" if edition.published else ""
            url = f" <{edition.url}>" if edition.url else ""
            lines.append(f"- Edition `{edition.id}`: {edition.citation}{published}.{url}")
        counts = [
            (CERTAINTY_NAMES[level], sum(item.certainty == level for item in i.items))
            for level in CERTAINTY_NAMES
        ]
        sure = ", ".join(f"{name}: {count}" for name, count in counts if count)
        lines.append(f"- Checked on {i.verified_on}: {i.verification} Items {sure}.")
        lines.append(f"- Rights: {i.rights}")
        for proposal in i.proposals:
            lines.append(f"- Watch: {proposal.citation}: {proposal.effect}")
        lines.append("")
    return "\n".join(lines)


def cli_page() -> str:
    """The command line, command by command."""
    import typer

    import cli

    group: Any = typer.main.get_command(cli.app)
    lines = ["# Command line", "", group.help, "", cli.app.info.epilog or "", ""]
    for name in group.list_commands(None):
        lines += _command(f"equipoise {name}", group.get_command(None, name), "##")
    return "\n".join(lines)


def _command(name: str, command: Any, mark: str) -> list[str]:
    """A command with its parameters; a group with its commands below it."""
    lines = [f"{mark} `{name}`", "", command.help, ""]
    lines += [f"- {_parameter(param)}" for param in command.params]
    lines.append("")
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(None):
            lines += _command(f"{name} {inner}", command.get_command(None, inner), mark + "#")
    return lines


def _parameter(param: Any) -> str:
    is_argument = param.param_type_name == "argument"
    name = param.name.upper() if is_argument else ", ".join([*param.opts, *param.secondary_opts])
    default = param.default
    shown = ""
    if default not in (None, False, [], ()) and not callable(default):
        shown = f" Default: `{default}`."
    if getattr(param, "envvar", None):
        shown += f" Environment: `{param.envvar}`."
    return f"`{name}` {getattr(param, 'help', '') or ''}{shown}"


def main() -> None:
    """Write every page, and the instruments."""
    from checklists.catalogue import FOLDER, KEPT, read_files
    from checklists.parsed import kept_text

    files, problems = read_files(sorted(FOLDER.glob("*.yaml")))
    if problems:
        raise SystemExit("\n".join(map(str, problems)))
    KEPT.write_text(kept_text(files), encoding="utf-8")
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
