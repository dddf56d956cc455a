"""The group of commands ``equipoise checklist``."""

import typer

from commands.checklist.answer import answer
from commands.checklist.compare import crosswalk, diff
from commands.checklist.exchange import export, import_
from commands.checklist.lint import lint
from commands.checklist.lookup import list_, show
from commands.checklist.review import review
from commands.checklist.start import init
from commands.checklist.status import status
from commands.checklist.walk import walk

app = typer.Typer(
    name="checklist",
    help="Answer ALTAI, the EU AI Act, FDA and reporting guidelines once, with evidence, for the "
    "right date.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("init")(init)
app.command("list")(list_)
app.command("show")(show)
app.command("walk")(walk)
app.command("answer")(answer)
app.command("review")(review)
app.command("status")(status)
app.command("lint")(lint)
app.command("diff")(diff)
app.command("crosswalk")(crosswalk)
app.command("export")(export)
app.command("import")(import_)
