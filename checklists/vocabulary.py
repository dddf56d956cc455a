"""The closed word lists of the room: one place, so that schema, code and documents agree."""

from typing import Literal, get_args

Force = Literal["binding", "guidance", "voluntary", "draft", "proposed", "repealed"]
Certainty = Literal["verified", "agreed_text", "secondary", "memory", "uncertain"]
Relation = Literal["equal", "subset", "superset", "related"]
Status = Literal["met", "partly", "not_met", "not_applicable", "not_assessed"]
State = Literal["due_now", "readiness_gap", "watch", "repealed", "not_in_scope"]
Automation = Literal["yes", "partly", "no"]
Key = Literal[
    "PERF", "SUB", "CAL", "DATA", "DQ", "ROB", "ADV", "DRIFT", "UNC", "EXP", "REPRO", "LOG", "THR",
    "MIT", "COMP", "ENV", "CARD",
]  # fmt: skip
Role = Literal[
    "provider",
    "deployer",
    "importer",
    "distributor",
    "authorised_representative",
    "product_manufacturer",
    "supplier",
    "health_it_developer",
    "author",
    "reviewer",
    "dataset_curator",
    "auditor",
    "authority",
]

STATUSES: tuple[Status, ...] = get_args(Status)
STATES: tuple[State, ...] = get_args(State)
KEYS: tuple[Key, ...] = get_args(Key)
ROLES: tuple[Role, ...] = get_args(Role)

ROLE_NAMES: dict[Role, str] = {
    "provider": "provider (manufacturer)",
    "deployer": "deployer",
    "importer": "importer",
    "distributor": "distributor",
    "authorised_representative": "authorised representative",
    "product_manufacturer": "product manufacturer",
    "supplier": "supplier",
    "health_it_developer": "health-IT developer",
    "author": "author of a study",
    "reviewer": "reviewer of a study",
    "dataset_curator": "dataset curator",
    "auditor": "auditor",
    "authority": "authority",
}
CERTAINTY_NAMES: dict[Certainty, str] = {
    "verified": "checked against the text",
    "agreed_text": "checked against the agreed text before publication",
    "secondary": "from secondary sources",
    "memory": "from memory, not yet checked",
    "uncertain": "uncertain",
}
RELATION_NAMES: dict[Relation, str] = {
    "equal": "the same",
    "subset": "a part of it",
    "superset": "wider",
    "related": "related",
}
STATUS_NAMES: dict[Status, str] = {
    "met": "met",
    "partly": "partly met",
    "not_met": "not met",
    "not_applicable": "not applicable",
    "not_assessed": "not assessed",
}
STATE_NAMES: dict[State, str] = {
    "due_now": "due now",
    "readiness_gap": "readiness gap",
    "watch": "watch",
    "repealed": "repealed",
    "not_in_scope": "not in scope",
}
KEY_NAMES: dict[Key, str] = {
    "PERF": "overall performance",
    "SUB": "performance by subgroup and disparities",
    "CAL": "calibration",
    "DATA": "composition of the data",
    "DQ": "quality of the data",
    "ROB": "robustness across sites and shifts",
    "ADV": "adversarial and security probes",
    "DRIFT": "change over time",
    "UNC": "uncertainty and sample size",
    "EXP": "explanations",
    "REPRO": "reproducibility",
    "LOG": "provenance",
    "THR": "thresholds and net benefit",
    "MIT": "bias mitigation",
    "COMP": "comparison of versions",
    "ENV": "energy use",
    "CARD": "model card and dossier",
}
