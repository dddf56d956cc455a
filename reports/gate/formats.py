"""The formats of the gate by name: of what was judged, and of a gate that could not run."""

from collections.abc import Callable, Mapping

from reports.gate.github import failed_github, github
from reports.gate.github_summary import failed_github_summary, github_summary
from reports.gate.gitlab import failed_gitlab, gitlab
from reports.gate.json_text import failed_json, gate_json
from reports.gate.judged import Failed, Judged
from reports.gate.junit import failed_junit, junit
from reports.gate.markdown import failed_markdown, markdown
from reports.gate.sarif import failed_sarif, sarif
from reports.gate.text import failed_text, gate_text

FORMATS: Mapping[str, Callable[[Judged], str]] = {
    "text": gate_text,
    "json": gate_json,
    "junit": junit,
    "sarif": sarif,
    "github": github,
    "github-summary": github_summary,
    "gitlab": gitlab,
    "markdown": markdown,
}
FAILED: Mapping[str, Callable[[Failed], str]] = {
    "text": failed_text,
    "json": failed_json,
    "junit": failed_junit,
    "sarif": failed_sarif,
    "github": failed_github,
    "github-summary": failed_github_summary,
    "gitlab": failed_gitlab,
    "markdown": failed_markdown,
}
