"""The plan of a hierarchy: one owner, an offline root, and the issuing authorities below it."""

import re
from dataclasses import dataclass
from typing import Final

from ca.errors import LintFailure, Text
from ca.findings import Finding
from ca.keys import KeyKind
from ca.lint_names import lint_subject
from ca.names import AuthoritySubject

ROOT: Final = "root"
ARL_DAYS: Final = 180
CRL_DAYS: Final = 7
DELTA_DAYS: Final = 1

_BASE_URL: Final = re.compile(r"http://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*")
_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,15}(-[a-z0-9]{1,15})*")
_GENERATION: Final = re.compile(r"G[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class IssuingPlan:
    """One issuing authority below the root; `title` opens its common name.

    `generation` is that of the whole plan unless it is given: after a roll-over `mail` G2
    stands beside `mail` G1.
    """

    name: str
    profile: str
    title: str
    generation: str | None = None


MAIL: Final = IssuingPlan(name="mail", profile="mail-issuing", title="CA thư công vụ")
DOCUMENT: Final = IssuingPlan(name="document", profile="document-issuing", title="CA ký văn bản")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What the owner decided: who they are, which mail domains are theirs, where things are published.

    `owner` is the legal name (O); `province` as in “tỉnh Lâm Đồng” ends every common name,
    followed by the `generation`. `base_url` is plain http without a closing slash. Of
    several issuing authorities with one name the last is the current one.
    """

    owner: str
    province: str
    domains: tuple[str, ...]
    base_url: str
    generation: str = "G1"
    issuing: tuple[IssuingPlan, ...] = (MAIL, DOCUMENT)
    key_kind: KeyKind = KeyKind.P384

    def __post_init__(self) -> None:
        subjects = [self.root_subject(), *(self.issuing_subject(plan) for plan in self.issuing)]
        findings = [finding for subject in subjects for finding in lint_subject(subject)]
        if not self.domains:
            findings.append(Finding("constraint.names"))
        if not _BASE_URL.fullmatch(self.base_url):
            findings.append(Finding("url.not-http", "base_url", self.base_url))
        labels = [self.label(ROOT), *(self.label_of(plan) for plan in self.issuing)]
        generations = [self.generation, *(plan.generation or self.generation for plan in self.issuing)]
        if (
            len(set(labels)) != len(labels)
            or not all(_NAME.fullmatch(plan.name) for plan in self.issuing)
            or not all(map(_GENERATION.fullmatch, generations))
        ):
            findings.append(Finding("plan.names", value=", ".join(labels)))
        if findings:
            raise LintFailure(tuple(findings))

    def label(self, name: str) -> str:
        """The label of the current authority of this name, such as `mail-g1`.

        It stands in the key store and in every address; for example `root` or `mail`.
        """
        plans = [plan for plan in self.issuing if plan.name == name]
        return self.label_of(plans[-1]) if plans else f"{name}-{self.generation.lower()}"

    def label_of(self, plan: IssuingPlan) -> str:
        """The label of this very authority, current or not."""
        return f"{plan.name}-{(plan.generation or self.generation).lower()}"

    def labels(self, name: str) -> tuple[str, ...]:
        """The labels of every generation of this name, the current one last."""
        return tuple(self.label_of(plan) for plan in self.issuing if plan.name == name)

    def root_subject(self) -> AuthoritySubject:
        return AuthoritySubject(self.owner, f"CA gốc {self.province} {self.generation}")

    def issuing_subject(self, plan: IssuingPlan) -> AuthoritySubject:
        generation = plan.generation or self.generation
        return AuthoritySubject(self.owner, f"{plan.title} {self.province} {generation}", self.domains)

    def describe(self) -> Text:
        """What a ceremony with this plan makes, line by line, for the people who hold it."""
        vi = [
            f"Chủ quản: {self.owner}",
            f"CA gốc: {self.root_subject().common_name} ({self.label(ROOT)}), khóa {self.key_kind}",
            f"Tên miền thư được cấp: {', '.join(self.domains)}",
            f"Nơi công bố: {self.base_url}",
        ]
        en = [
            f"Owner: {self.owner}",
            f"Root authority: {self.root_subject().common_name} ({self.label(ROOT)}), key {self.key_kind}",
            f"Mail domains it may certify: {', '.join(self.domains)}",
            f"Published at: {self.base_url}",
        ]
        for plan in self.issuing:
            name, label = self.issuing_subject(plan).common_name, self.label_of(plan)
            is_current = label == self.label(plan.name)
            vi.append(
                f"CA cấp phát: {name} ({label}), mẫu {plan.profile}{'' if is_current else ', không cấp mới'}"
            )
            en.append(
                f"Issuing authority: {name} ({label}), profile {plan.profile}"
                f"{'' if is_current else ', issues nothing new'}"
            )
        return Text(vi="\n".join(vi), en="\n".join(en))
